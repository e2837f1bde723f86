"""Still pictures that arrive together: read ahead, tagged in batches, each with its own fate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.errors import AbortTaggingException, MediaError
from common_ml.media.images import read_image, read_images
from common_ml.tagging.batching import FrameCaller, batches_of_one_shape
from common_ml.tagging.log import working_on
from common_ml.tagging.model_output import Shot
from common_ml.tagging.stopping import check
from common_ml.tagging.time_limit import check_time, time_limit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.models.tag_types import FrameTag


def tag_images(
    paths: Sequence[str], caller: FrameCaller
) -> Iterator[tuple[str, list[FrameTag] | Exception]]:
    """Each path with its tags, or with what went wrong with it, in order.

    Neighbours of one shape share a call of the model. Where such a call fails, its pictures are
    tried one by one, so that only those at fault fail.
    """
    with read_images(paths) as pictures:
        batches = batches_of_one_shape(
            ((path, picture) for path, (_, picture) in zip(paths, pictures, strict=True)),
            shape=lambda item: None if isinstance(item[1], MediaError) else item[1].shape,
            size=lambda: caller.size,
        )
        for batch in batches:
            check()
            yield from _tag_batch(batch, caller)


def _tag_batch(
    batch: list[tuple[str, Pixels | MediaError]], caller: FrameCaller
) -> Iterator[tuple[str, list[FrameTag] | Exception]]:
    paths = [path for path, _ in batch]
    images = []
    for path, picture in batch:
        if isinstance(picture, MediaError):
            yield path, picture
        else:
            images.append(picture)
    batch.clear()  # from here on the caller alone holds the pixels
    if not images:
        return
    try:
        with working_on(*paths), time_limit(*paths):
            outcomes: list[list[FrameTag] | Exception] = [*caller.tag(images, _shots(*paths))]
            check_time()
    except AbortTaggingException as error:
        yield paths[0], error  # the model wants to stop: nothing is tried again
        return
    except Exception as error:  # noqa: BLE001 - whatever a model raises is told, file by file
        alone = len(paths) == 1
        outcomes = [error] if alone else [_tag_one(path, caller) for path in paths]
    yield from zip(paths, outcomes, strict=True)


def _tag_one(path: str, caller: FrameCaller) -> list[FrameTag] | Exception:
    try:
        with working_on(path), time_limit(path):
            (tags,) = caller.tag([read_image(path)], _shots(path))
            check_time()
    except Exception as error:  # noqa: BLE001 - whatever a model raises is told, file by file
        return error
    return tags


def _shots(*paths: str) -> list[Shot]:
    return [Shot(path, 0, 0.0) for path in paths]
