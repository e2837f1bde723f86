"""What `common-ml init` makes, as an image: built and checked with nothing done by hand."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

import pytest

from common_ml.cli.scaffold import make_repo
from common_ml.runtime.conformance import run_checks
from common_ml.runtime.describing import describe_tagger
from tests.container.taggers import LIMITS, build_image, remove_images

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.container

ENGINE = "podman --runtime=runc"
OPTIONS = tuple(limit for limit in LIMITS if not limit.startswith("--network"))


@pytest.fixture(scope="module")
def image(
    container_tools: None, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The image of a new repo of the default kind."""
    folder = tmp_path_factory.mktemp("new-repo")
    repo = make_repo(folder / "my-tagger", wheel=wheel).folder
    name = f"localhost/common-ml-test-my-tagger:{uuid.uuid4().hex[:12]}"
    build_image(repo, name, folder)
    yield name
    remove_images(name)


def test_the_image_of_a_new_repo_passes_every_check(image: str) -> None:
    results = run_checks(image, engine=ENGINE, engine_options=OPTIONS, stop_seconds=5)

    assert [result for result in results if result.failed] == []
    assert sum(result.outcome == "passed" for result in results) >= 30


def test_the_program_in_it_describes_itself(image: str) -> None:
    described = describe_tagger(image, start=True, engine=ENGINE, engine_options=LIMITS)

    assert (described["name"], described["kind"]) == ("LightModel", "frame")
