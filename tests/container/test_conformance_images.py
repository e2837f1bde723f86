"""The checks against images: what only a container shows."""

from __future__ import annotations

import socket
import uuid
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime.conformance import CHECKS, CheckResult, run_checks
from common_ml.runtime.conformance.material import made_material
from tests.container.taggers import LIMITS, build_image, remove_images
from tests.runtime.faulty_taggers import GOOD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    ImageOf = Callable[[str, str], str]

pytestmark = pytest.mark.container

ENGINE = "podman --runtime=runc"
OPTIONS = tuple(limit for limit in LIMITS if not limit.startswith("--network"))
EXEC_FORM = 'ENTRYPOINT ["python3", "-u", "/elv/main.py"]'
SHELL = """ENTRYPOINT ["/bin/sh", "-c", "python3 /elv/main.py \\"$@\\"; exit $?", "main"]"""
"""The shell stays process 1: it has something left to do."""


@pytest.fixture(scope="module")
def image_of(
    container_tools: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str, str], str]]:
    """Builds an image of a program and an entrypoint."""
    images: list[str] = []

    def image_of(source: str, entrypoint: str) -> str:
        folder = tmp_path_factory.mktemp("image")
        repo = folder / "repo"
        repo.mkdir()
        (repo / "main.py").write_text(source, encoding="utf-8")
        lines = ["ARG BASE_IMAGE", "FROM ${BASE_IMAGE}", "WORKDIR /elv", "COPY main.py ./"]
        (repo / "Containerfile").write_text("\n".join([*lines, entrypoint]) + "\n")
        name = f"localhost/common-ml-test-check:{uuid.uuid4().hex[:12]}"
        build_image(repo, name, folder)
        images.append(name)
        return name

    yield image_of
    if images:
        remove_images(*images)


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Clips that all runs share."""
    contents = made_material("video", tmp_path_factory.mktemp("clips")).contents
    return sorted(set(contents.values()))


def check(image: str, clips: list[Path], *only: str) -> dict[str, CheckResult]:
    """Run some checks, or all of them."""
    results = run_checks(
        image, clips, only=only or None, engine=ENGINE, engine_options=OPTIONS, stop_seconds=5
    )
    return {result.name: result for result in results}


def test_the_image_of_a_good_tagger_is_not_accused(image_of: ImageOf, clips: list[Path]) -> None:
    results = check(image_of(GOOD, EXEC_FORM), clips)

    assert len(results) == len(CHECKS)
    left = {name: result.seen for name, result in results.items() if not result.passed}
    assert left == {"working-directory": "an image always starts in /elv"}


def test_a_shell_that_stays_process_1_is_found(image_of: ImageOf, clips: list[Path]) -> None:
    """It swallows SIGTERM, and the tagger dies of the SIGKILL."""
    results = check(image_of(GOOD, SHELL), clips, "starts", "first-process", "stops-idle")

    assert {name: result.outcome for name, result in results.items()} == {
        "starts": "passed",
        "first-process": "failed",
        "stops-idle": "failed",
    }
    assert "process 1 is a shell: /bin/sh -c" in results["first-process"].seen


def test_the_default_of_process_1_is_to_ignore_sigterm(
    image_of: ImageOf, clips: list[Path]
) -> None:
    """As a process of one's own machine the same tagger stops at once."""
    source = GOOD.replace("signal.signal(signal.SIGTERM, ", "(")
    results = check(image_of(source, EXEC_FORM), clips, "first-process", "stops-idle")

    assert results["first-process"].passed
    assert results["stops-idle"].failed


def test_files_beside_the_media_are_found(image_of: ImageOf, clips: list[Path]) -> None:
    line = "        for found in tag(path):"
    source = GOOD.replace(line, f'        open(path + ".tmp", "w").close()\n{line}')
    results = check(image_of(source, EXEC_FORM), clips, "media-untouched")

    assert results["media-untouched"].failed
    assert "Read-only file system" in results["media-untouched"].seen


def test_a_start_that_needs_the_network_is_found(image_of: ImageOf, clips: list[Path]) -> None:
    if len(socket.if_nameindex()) < 2:
        pytest.skip("this machine has no network itself, but for the loopback")
    source = "import socket\nassert len(socket.if_nameindex()) > 1, 'no network'\n" + GOOD
    results = check(image_of(source, EXEC_FORM), clips, "offline", "empty-input")

    assert results["offline"].failed
    assert "no network" in results["offline"].seen
    assert results["empty-input"].passed


def test_an_image_that_is_not_there_is_an_error(container_tools: None) -> None:
    with pytest.raises(TaggerError, match="no such image: localhost/nothing"):
        run_checks("localhost/nothing", engine=ENGINE)
