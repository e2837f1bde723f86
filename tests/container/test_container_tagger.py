"""`ContainerTagger`, `common-ml run IMAGE` and `describe IMAGE`: real containers."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ContainerTagger, TaggerError
from common_ml.runtime.describing import LABEL, describe_tagger
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.messages import Error, Progress, Tag
from tests.container.taggers import (
    LIMITS,
    REPOSITORY,
    build_image,
    podman,
    remove_images,
)
from tests.runtime.programs import HONEST, program

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.container.conftest import ImageOf

pytestmark = pytest.mark.container

ENGINE = "podman --runtime=runc"
DESCRIPTION = {"describe": 1, "name": 'it\'s a "tagger"', "price": "$HOME ${PATH} \\ \n", "x": []}
BODY = f"""
if os.getpid() != 1 or os.getcwd() != "/elv":
    sys.exit("not as the contract says")
{HONEST}
"""


@pytest.fixture(scope="module")
def image(container_tools: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tagger in plain Python, with the last lines of the template: built in a second."""
    folder = tmp_path_factory.mktemp("image")
    repo = folder / "repo"
    program(repo, BODY)
    template = (REPOSITORY / "Containerfile.template").read_text().splitlines()
    last = [line for line in template if line.startswith(("ENTRYPOINT", "ARG DESC", "LABEL"))]
    assert len(last) == 3
    head = ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE}", "WORKDIR /elv", "COPY *.py ./"]
    (repo / "Containerfile").write_text("\n".join([*head, *last]) + "\n")
    name = f"localhost/common-ml-test-tagger:{uuid.uuid4().hex[:12]}"
    build_image(repo, name, folder)
    yield name
    remove_images(name)


@pytest.fixture(scope="module")
def described(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The same once more, with a description."""
    folder = tmp_path_factory.mktemp("described")
    name = f"{image}-described"
    (folder / "Containerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n" + last_lines())
    podman(
        *("build", "--isolation=chroot", *LIMITS, f"--tag={name}"),
        *(f"--build-arg=BASE_IMAGE={image}", f"--build-arg=DESCRIPTION={json.dumps(DESCRIPTION)}"),
        str(folder),
    )
    yield name
    remove_images(name)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "żółw 1.mp4"
    path.write_bytes(b"abc")
    return path


def tagger(image: str, tmp_path: Path, **options: object) -> ContainerTagger:
    return ContainerTagger(
        image,
        engine=ENGINE,
        engine_options=LIMITS,
        cache_dir=tmp_path / "cache",
        idle_timeout_seconds=120,
        **options,  # type: ignore[arg-type] # each of its own type
    )


def test_the_whole_job(image: str, tmp_path: Path, clip: Path) -> None:
    """As the contract says: PID 1, working directory, read-only media, mapped names."""
    missing = tmp_path / "missing.mp4"
    under_test = tagger(image, tmp_path, params={"continue_on_error": True})

    messages = messages_of(under_test, [clip, missing])

    assert messages == [
        Tag(0, 3, "size", str(clip)),
        Progress(str(clip)),
        Error(f"no such file: {missing}", str(missing)),
    ]
    assert under_test.exit_status == 0
    assert podman("ps", "--all", "--quiet", f"--filter=name={under_test.container}").stdout == ""


def test_tags_stay_where_they_are_wanted(image: str, tmp_path: Path, clip: Path) -> None:
    output = tmp_path / "out" / "tags.jsonl"

    messages_of(tagger(image, tmp_path, output=output), [clip])

    assert '"source_media": "media/\\u017c\\u00f3\\u0142w 1.mp4"' in output.read_text()


def test_a_container_is_stopped_by_its_signal(image: str, tmp_path: Path, clip: Path) -> None:
    """It has no handler: PID 1 without one never sees SIGTERM, and is killed after the grace."""
    with tagger(image, tmp_path) as under_test:
        under_test.send([clip])
        assert Progress(str(clip)) in under_test.messages()  # waits for it
        under_test.send_signal(signal.SIGTERM)
        under_test.stop(grace_seconds=1)
        assert under_test.exit_status is not None

    assert podman("ps", "--all", "--quiet", f"--filter=name={under_test.container}").stdout == ""


def test_an_image_that_is_not_here_is_an_error(
    container_tools: None, tmp_path: Path, clip: Path
) -> None:
    """Nothing is fetched from anywhere."""
    with pytest.raises(
        TaggerError, match="could not start localhost/no/such; hint: build or pull it"
    ):
        messages_of(tagger("localhost/no/such", tmp_path), [clip])


def test_the_command_runs_an_image(image: str, tmp_path: Path, clip: Path) -> None:
    options = [f"--engine-option={option}" for option in LIMITS]
    command = [sys.executable, "-m", "common_ml", "run", image, clip.name, "-j", "2"]

    done = subprocess.run(
        [*command, "--engine", ENGINE, *options],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert f'"source_media":"{clip.name}"' in (tmp_path / "tags.jsonl").read_text()


def test_an_image_is_described_by_its_label(described: str) -> None:
    """Whatever stands in it: quotes, dollars and newlines of the JSON arrive as they were."""
    assert describe_tagger(described, engine=ENGINE) == DESCRIPTION


def test_an_image_without_a_label_says_how_to_get_one(image: str) -> None:
    with pytest.raises(
        TaggerError, match=rf"has no label {LABEL}; hint: build it with --build-arg DESC"
    ):
        describe_tagger(image, engine=ENGINE)


def test_an_unknown_image_is_reported(container_tools: None) -> None:
    with pytest.raises(TaggerError, match="has no image localhost/no/such; hint: build or pull it"):
        describe_tagger("localhost/no/such", engine=ENGINE)


def test_an_example_describes_itself(image_of: ImageOf, tmp_path: Path) -> None:
    """As the template says: the image is asked, and built once more with its own answer."""
    image = image_of("speech")
    answer = describe_tagger(image, start=True, engine=ENGINE, engine_options=LIMITS)
    assert (answer["name"], answer["kind"], answer["tracks"]) == ("SpeechModel", "av", ["speech"])

    (tmp_path / "Containerfile").write_text("ARG BASE_IMAGE\nFROM ${BASE_IMAGE}\n" + last_lines())
    labelled = f"{image}-labelled"
    podman(
        *("build", "--isolation=chroot", *LIMITS, f"--tag={labelled}"),
        *(f"--build-arg=BASE_IMAGE={image}", f"--build-arg=DESCRIPTION={json.dumps(answer)}"),
        str(tmp_path),
    )
    try:
        assert describe_tagger(labelled, engine=ENGINE) == answer
    finally:
        remove_images(labelled)


def last_lines() -> str:
    """The template's own instructions about the label."""
    lines = (REPOSITORY / "Containerfile.template").read_text().splitlines()
    return "\n".join(line for line in lines if line.startswith(("ARG DESC", "LABEL"))) + "\n"
