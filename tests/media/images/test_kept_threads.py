"""Threads that decode pictures stay: OpenCV leaves memory behind in each that ends."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import numpy as np

from common_ml.media.images import decoder, read_ahead
from common_ml.media.images.kept_threads import KeptThreads
from common_ml.tagging.models.frame_based import FrameModel
from common_ml.tagging.models.tag_types import FrameTag
from common_ml.tagging.producer import FileProducer, TagMessageProducer
from tests.media import bad_media

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from common_ml.tagging.models.frame_based import Pixels


class Sees(FrameModel):
    def tag_frame(self, img: Pixels) -> list[FrameTag]:
        return [FrameTag(tag=str(img.shape))]


def test_a_tagger_reads_its_pictures_on_the_same_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they come one by one: each is a batch of its own then."""
    path = str(bad_media.good_picture("png", tmp_path))
    readers: set[threading.Thread] = set()
    real = decoder.decode

    def noting(data: bytes, of: object) -> Pixels:
        readers.add(threading.current_thread())
        return real(data, of)  # type: ignore[arg-type] # a path, as it came

    monkeypatch.setattr(read_ahead, "decode", noting)
    producer = TagMessageProducer.from_model(Sees())
    assert isinstance(producer, FileProducer)
    for _ in range(5):
        for _, messages in producer.per_file([path]):
            assert len(list(messages)) == 2
    assert len(readers) == 1
    assert threading.current_thread() not in readers


def test_two_readers_at_a_time_do_not_wait_for_each_other(tmp_path: Path) -> None:
    paths = [bad_media.good_picture(kind, tmp_path) for kind in ("png", "bmp")]
    threads = KeptThreads(1)
    with (
        read_ahead.read_images(paths, threads=threads, memory_budget_bytes=0) as first,
        read_ahead.read_images(paths, threads=threads, memory_budget_bytes=0) as second,
    ):
        for one, other in zip(first, second, strict=True):
            assert np.array_equal(one[1], other[1])  # type: ignore[arg-type] # no errors
    threads.close()


def test_leaving_a_reader_early_waits_for_what_has_begun(tmp_path: Path) -> None:
    paths = [bad_media.good_picture("png", tmp_path)] * 9
    threads = KeptThreads(2)
    with read_ahead.read_images(paths, threads=threads, memory_budget_bytes=0) as reader:
        next(reader)
    assert len(list(read_ahead.read_images(paths, threads=threads))) == 9
    threads.close()
