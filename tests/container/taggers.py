"""Images of model repos, and containers of them, started as the runtime does."""

from __future__ import annotations

import configparser
import json
import os
import shutil
import subprocess
import uuid
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).resolve().parents[2]
BASE_IMAGE = "localhost/common-ml-test-base:bookworm"

# runc and these limits: what podman 4.3 gets by on where the machine is itself a sandbox. Its
# default runtime and its default limits ask for more than such a machine may grant.
PODMAN = ("podman", "--runtime=runc")
LIMITS = ("--ulimit=nofile=1024:1024", "--ulimit=nproc=4096:4096", "--network=host")

# pip's settings of the network on this machine hold inside a build on it too.
PIP_NETWORK_OPTIONS = ("index-url", "extra-index-url", "trusted-host", "proxy", "timeout")


def missing_requirement() -> str | None:
    """Why containers cannot be tested on this machine; None: they can."""
    programs = [name for name in ("podman", "runc", "debootstrap") if not shutil.which(name)]
    if programs:
        return f"not installed: {', '.join(programs)}"
    if os.geteuid() != 0:
        return "debootstrap, which makes the base image, needs root"
    return None


def podman(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run podman to its end; its output is kept, and shown when it fails."""
    done = subprocess.run(
        [*PODMAN, *arguments],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if check and done.returncode != 0:
        raise AssertionError(
            f"podman {' '.join(arguments)} ended with {done.returncode}:\n"
            f"{done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        )
    return done


def make_base_image() -> None:
    """Make the image that all others are built on, unless it is there."""
    subprocess.run([REPOSITORY / ".ci" / "base-image.sh", BASE_IMAGE], check=True)


def build_image(
    model_repo: Path, image: str, scratch: Path, *, check: bool = True
) -> subprocess.CompletedProcess[str]:
    """`podman build` of a folder with a Containerfile, on the base image.

    Args:
        model_repo: The folder.
        image: The name that the image gets.
        scratch: An empty folder for pip's settings.
        check: Whether a build that fails fails the test.
    """
    return podman(
        "build",
        "--isolation=chroot",
        *LIMITS,
        *pip_mounts(scratch),
        f"--build-arg=BASE_IMAGE={BASE_IMAGE}",
        f"--tag={image}",
        str(model_repo),
        check=check,
    )


def copy_model_repo(source: Path, target: Path, *, wheel: Path | None) -> Path:
    """Copy a model repo and put the SDK's wheel into its `wheels/`, as its author does."""
    caches = shutil.ignore_patterns("__pycache__", ".*_cache", "wheels")
    shutil.copytree(source, target, ignore=caches)
    (target / "wheels").mkdir()
    if wheel is not None:
        shutil.copy(wheel, target / "wheels")
    return target


def remove_images(*images: str) -> None:
    """Remove images, and the layers that only they have.

    Never waits long: two podmans that removed at once were seen to spin for ten minutes.
    """
    command = [*PODMAN, "rmi", "--force", *images]
    with suppress(subprocess.TimeoutExpired):
        subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
        )


def pip_mounts(scratch: Path) -> list[str]:
    """Mounts for a build that give its pip the network settings of this machine's.

    They last for the build and leave nothing in the image.
    """
    settings = pip_settings()
    config = configparser.RawConfigParser()
    config["global"] = {name: settings[name] for name in PIP_NETWORK_OPTIONS if name in settings}
    mounts = []
    certificates = settings.get("cert") or os.environ.get("SSL_CERT_FILE")
    if certificates and Path(certificates).is_file():
        # under a name of its own, so that it hides nothing that the image brings
        config["global"]["cert"] = "/run/build-certificates.pem"
        mounts += ["-v", f"{Path(certificates).resolve()}:/run/build-certificates.pem:ro"]
    written = scratch / "pip.conf"
    with written.open("w") as file:
        config.write(file)
    return [*mounts, "-v", f"{written}:/etc/pip.conf:ro"]


def pip_settings() -> dict[str, str]:
    """pip's own settings here: from its files, over them from its environment."""
    config = configparser.RawConfigParser()
    config.read(
        [
            "/etc/pip.conf",
            Path.home() / ".pip" / "pip.conf",
            Path.home() / ".config" / "pip" / "pip.conf",
            os.environ.get("PIP_CONFIG_FILE", os.devnull),
        ]
    )
    settings = {
        name: value
        for section in ("global", "install")
        if config.has_section(section)
        for name, value in config[section].items()
    }
    for name, value in os.environ.items():
        if name.startswith("PIP_"):
            settings[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    if "default-timeout" in settings:  # the same option by its older name
        settings["timeout"] = settings["default-timeout"]
    return settings


@dataclass
class Tagger:
    """A tagger in a container, and the folders that it shares with this side."""

    image: str
    work: Path
    """Holds `media/`, `output/` and `cache/`."""
    params: Mapping[str, Any] | None = None
    options: tuple[str, ...] = ()
    """More options for `podman run`."""
    name: str = field(default_factory=lambda: f"common-ml-test-{uuid.uuid4().hex[:12]}")

    def __post_init__(self) -> None:
        for folder in (self.media, self.output.parent, self.work / "cache"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o777)  # the container's user may be another one

    @property
    def media(self) -> Path:
        """What the container sees as `media/`, read-only."""
        return self.work / "media"

    @property
    def output(self) -> Path:
        """The tags file."""
        return self.work / "output" / "tags.jsonl"

    def add(self, name: str, content: Path | bytes) -> str:
        """Put a file into `media/`; the line for stdin that names it."""
        if isinstance(content, Path):
            content = content.read_bytes()
        (self.media / name).write_bytes(content)
        return f"media/{name}"

    @contextmanager
    def running(self) -> Iterator[subprocess.Popen[str]]:
        """The container, started; gone when this is left."""
        command = [*PODMAN, "run", "--rm", "-i", f"--name={self.name}", *LIMITS]
        command += ["-v", f"{self.media}:/elv/media:ro"]
        command += ["-v", f"{self.output.parent}:/elv/output"]
        command += ["-v", f"{self.work / 'cache'}:/root/.cache"]
        command += [*self.options, self.image, "--output-path", "/elv/output/tags.jsonl"]
        if self.params is not None:
            command += ["--params", json.dumps(self.params)]
        # stderr goes to a file: nobody reads a pipe while the test waits for messages
        with (
            (self.work / "stderr.txt").open("wb") as stderr,
            subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, text=True
            ) as process,
        ):
            try:
                yield process
            finally:
                podman("rm", "--force", "--ignore", "--time=0", self.name, check=False)

    def run(self, *lines: str) -> tuple[int, str]:
        """Send the lines, end the input, wait: the exit status, and what came on stderr."""
        with self.running() as process:
            stdout, _ = process.communicate("".join(f"{line}\n" for line in lines))
        assert stdout == "", "tags go to the output file, and nothing to stdout"
        return process.returncode, (self.work / "stderr.txt").read_text(errors="replace")
