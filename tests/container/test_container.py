"""The examples as containers: built from their Containerfiles, run as the runtime runs them."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.wire import read_messages
from tests.container.taggers import (
    LIMITS,
    REPOSITORY,
    Tagger,
    build_image,
    copy_model_repo,
    podman,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.container.conftest import ImageOf

pytestmark = pytest.mark.container

CLIP = REPOSITORY / "examples" / "media" / "clip.mp4"


@pytest.mark.parametrize(
    ("example", "track", "text", "params"),
    [
        ("ocr", "", "HARBOUR", None),
        ("shots", "cut", "cut", None),
        ("speech", "speech", "speech", None),
        ("detect", "", "text", {"rate": 0.25}),  # a frame takes its network over a second
    ],
)
def test_an_example_tags_the_clip(
    image_of: ImageOf,
    tmp_path: Path,
    example: str,
    track: str,
    text: str,
    params: dict[str, float] | None,
) -> None:
    """Every example's image works: what it imports is in it, on a slim base."""
    tagger = Tagger(image_of(example), tmp_path, params=params)
    lines = [tagger.add("clip.mp4", CLIP), tagger.add("again.mp4", CLIP)]

    status, stderr = tagger.run(*lines)

    messages = list(read_messages(tagger.output))
    assert status == 0, stderr
    assert [message for message in messages if isinstance(message, Error)] == []
    assert finished(messages) == lines
    for line in lines:
        assert (line, track, text) in {
            (tag.source_media, tag.track, tag.tag) for tag in messages if isinstance(tag, Tag)
        }


def test_python_is_the_first_process_and_files_may_come_while_it_runs(
    image_of: ImageOf, tmp_path: Path
) -> None:
    """No shell, no init: the runtime's signals and the end of input reach the tagger itself."""
    tagger = Tagger(image_of("speech"), tmp_path)
    with (
        tagger.running() as process,
        read_messages(
            tagger.output, follow=True, stop=lambda: process.poll() is not None
        ) as messages,
    ):
        assert process.stdin is not None
        for name in ("first.mp4", "second.mp4"):
            process.stdin.write(tagger.add(name, CLIP) + "\n")
            process.stdin.flush()
            assert Progress(f"media/{name}") in messages  # waits for it
        command_line = podman("exec", tagger.name, "cat", "/proc/1/cmdline").stdout
        process.stdin.close()
        assert process.wait() == 0

    assert command_line.split("\0")[:3] == ["python3", "-u", "/elv/main.py"]


def test_it_stops_at_the_first_signal(image_of: ImageOf, tmp_path: Path) -> None:
    """A first process without a handler never sees SIGTERM, and dies of the SIGKILL (137)."""
    tagger = Tagger(image_of("speech"), tmp_path)
    with (
        tagger.running() as process,
        read_messages(
            tagger.output, follow=True, stop=lambda: process.poll() is not None
        ) as messages,
    ):
        assert process.stdin is not None
        process.stdin.write(tagger.add("clip.mp4", CLIP) + "\n")
        process.stdin.flush()
        assert Progress("media/clip.mp4") in messages  # waits for it
        podman("stop", "--time=5", tagger.name, check=False)
        status = process.wait()

    assert status == 128 + signal.SIGTERM


def test_with_continue_on_error_the_other_files_are_tagged(
    image_of: ImageOf, tmp_path: Path
) -> None:
    tagger = Tagger(image_of("speech"), tmp_path, params={"continue_on_error": True})
    broken = tagger.add("broken.mp4", b"this is no film")
    whole = tagger.add("clip.mp4", CLIP)

    status, stderr = tagger.run(broken, "media/missing.mp4", whole)

    messages = list(read_messages(tagger.output))
    assert status == 0, stderr
    assert failed(messages) == [broken, "media/missing.mp4"]
    assert finished(messages) == [whole]


def test_without_it_a_failure_ends_the_job(image_of: ImageOf, tmp_path: Path) -> None:
    tagger = Tagger(image_of("speech"), tmp_path)
    broken = tagger.add("broken.mp4", b"this is no film")

    status, stderr = tagger.run(broken)

    messages = list(read_messages(tagger.output))
    assert status != 0
    assert failed(messages) == [broken]
    assert finished(messages) == []
    assert "Traceback" in stderr


def test_it_runs_as_another_user(image_of: ImageOf, tmp_path: Path) -> None:
    tagger = Tagger(image_of("speech"), tmp_path, options=("--user=1000:1000",))
    line = tagger.add("clip.mp4", CLIP)

    status, stderr = tagger.run(line)

    assert status == 0, stderr
    assert finished(list(read_messages(tagger.output))) == [line]
    assert tagger.output.stat().st_uid == 1000


def test_another_user_can_write_the_cache(image_of: ImageOf) -> None:
    """The image's own, where the runtime mounts none over it."""
    program = "import pathlib; p = pathlib.Path.home() / '.cache' / 'x'; p.touch(); print(p)"

    done = podman(
        *("run", "--rm", "--user=1000:1000", "--entrypoint=python3", *LIMITS),
        *(image_of("speech"), "-c", program),
    )

    assert done.stdout == "/root/.cache/x\n"


def test_without_the_wheel_the_build_fails(container_tools: None, tmp_path: Path) -> None:
    """It must not go looking elsewhere: the public package of this name is another project."""
    repo = copy_model_repo(REPOSITORY / "examples" / "speech", tmp_path / "repo", wheel=None)
    (repo / "wheels" / "notes.txt").touch()
    (repo / ".containerignore").unlink()  # else the empty folder stops the build before pip does

    done = build_image(repo, "localhost/common-ml-test-no-wheel", tmp_path, check=False)

    assert done.returncode != 0
    assert "'wheels/*.whl'" in done.stdout + done.stderr


def finished(messages: list[Message]) -> list[str]:
    """The files whose tags are all written."""
    return [message.source_media for message in messages if isinstance(message, Progress)]


def failed(messages: list[Message]) -> list[str | None]:
    """The files with an error."""
    return [message.source_media for message in messages if isinstance(message, Error)]
