"""Images for the container tests: made once, removed at the end, all but the base image."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.container.taggers import (
    REPOSITORY,
    build_image,
    copy_model_repo,
    make_base_image,
    missing_requirement,
    remove_images,
)
from tests.requirements import lacking

if TYPE_CHECKING:
    from pathlib import Path

ImageOf = Callable[[str], str]
"""The name of an example's folder -> the image that is built of it."""


@pytest.fixture(scope="session")
def container_tools() -> None:
    """Whether there is what containers need; where they are demanded, a lack is a failure."""
    reason = missing_requirement()
    if reason:
        lacking("containers", reason)
    make_base_image()


@pytest.fixture(scope="session")
def image_of(
    container_tools: None, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ImageOf]:
    """Builds an example's image at its first use."""
    images: dict[str, str] = {}
    run = uuid.uuid4().hex[:12]

    def image_of(example: str) -> str:
        if example not in images:
            folder = tmp_path_factory.mktemp(example)
            repo = copy_model_repo(REPOSITORY / "examples" / example, folder / "repo", wheel=wheel)
            image = f"localhost/common-ml-test-{example}:{run}"
            build_image(repo, image, folder)
            images[example] = image
        return images[example]

    yield image_of
    if images:
        remove_images(*images.values())
