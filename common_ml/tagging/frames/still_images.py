"""Tag still images in batches, with read-ahead and isolated failures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.errors import AbortTaggingException, MediaError
from common_ml.media import images as image_files
from common_ml.tagging.calls.batching import FrameCaller, batches_of_one_shape
from common_ml.tagging.calls.held_memory import release_frames
from common_ml.tagging.calls.validator import FrameRef
from common_ml.tagging.job.context import JobContext, current_job
from common_ml.tagging.job.signals import StopRequested

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.media.images.kept_threads import KeptThreads
    from common_ml.tagging.models.frame_based import Pixels
    from common_ml.tagging.models.tag_types import FrameTag


def tag_images(
    paths: Sequence[str], caller: FrameCaller, threads: KeptThreads
) -> Iterator[tuple[str, list[FrameTag] | BaseException]]:
    """Yield each path with its tags or its failure, in order.

    Consecutive images of one shape share a call of the model. If such a call fails, its images are
    retried one by one, to isolate the failing ones. They are read on `threads`.
    """
    with image_files.read_images(paths, threads=threads) as pictures:
        batches = batches_of_one_shape(
            (
                _sized_or_failed(path, picture, caller)
                for path, (_, picture) in zip(paths, pictures, strict=True)
            ),
            shape=lambda item: None if isinstance(item[0], MediaError) else item[0].shape,
            size=lambda: caller.size,
        )
        job = current_job()
        for batch in batches:
            job.raise_if_stopped()
            yield from _tag_batch(batch, caller, job)


def _tag_batch(
    batch: list[tuple[Pixels | MediaError, FrameRef]], caller: FrameCaller, job: JobContext
) -> Iterator[tuple[str, list[FrameTag] | BaseException]]:
    shots = [shot for _, shot in batch]
    paths = [shot.source_media for shot in shots]
    images = []
    for picture, shot in batch:
        if isinstance(picture, MediaError):
            yield shot.source_media, picture
        else:
            images.append(picture)
    batch.clear()  # release the pixels: only the caller holds them now
    if not images:
        return
    try:
        with job.current_file(*paths, timeout_seconds=job.file_timeout_seconds):
            outcomes: list[list[FrameTag] | BaseException] = [*caller.tag(images, shots)]
            job.check_time()
    except StopRequested:
        raise
    except AbortTaggingException as error:
        yield paths[0], error  # the model requests a stop: no retry
        return
    except BaseException as error:  # noqa: BLE001 - whatever a model raises fails its file
        if len(paths) > 1:
            release_frames(error)
        outcomes = [error]
    if len(outcomes) < len(paths):  # not in the handler: what the failed call held is free by now
        outcomes = [_tag_one(path, caller, job) for path in paths]
    yield from zip(paths, outcomes, strict=True)


def _tag_one(path: str, caller: FrameCaller, job: JobContext) -> list[FrameTag] | BaseException:
    try:
        with job.current_file(path, timeout_seconds=job.file_timeout_seconds):
            image, shot = sized(path, image_files.read_image(path), caller)
            (tags,) = caller.tag([image], [shot])
            job.check_time()
    except StopRequested:
        raise
    except BaseException as error:  # noqa: BLE001 - whatever a model raises fails its file
        release_frames(error)  # until it is reported, after the calls for the other pictures
        return error
    return tags


def sized(path: str, picture: Pixels, caller: FrameCaller) -> tuple[Pixels, FrameRef]:
    """Return a still image in the size that the model wants, and its origin."""
    if caller.frame_size is None:
        return picture, FrameRef(path, 0, 0.0)
    from common_ml.media.video.colour import fitted

    height, width = picture.shape[:2]
    return fitted(picture, caller.frame_size), FrameRef(path, 0, 0.0, size=(width, height))


def _sized_or_failed(
    path: str, picture: Pixels | MediaError, caller: FrameCaller
) -> tuple[Pixels | MediaError, FrameRef]:
    if isinstance(picture, MediaError):
        return picture, FrameRef(path, 0, 0.0)
    return sized(path, picture, caller)
