"""Each reader of a header and of an annotation format alone, as a target of fuzzing."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from PIL import Image

from common_ml.data.formats import get as get_format
from common_ml.data.formats import recognise
from common_ml.data.geometry import Box
from common_ml.data.record import Annotation, Record
from common_ml.errors import DataError, MediaError
from common_ml.media.headers import (
    av1,
    boxes,
    cropping,
    encryption,
    exif,
    gif,
    heif,
    index_claims,
    jpeg,
    jpeg2000,
    magic,
    non_media,
    png,
    pnm,
    tiff,
    truncation,
    webp,
)
from common_ml.media.headers.image_header import read_header
from common_ml.media.images.routing import unsupported
from common_ml.media.images.tiff_directory import rewritten
from tests.data.formats.odd_files import JSON_FILES, TEXT_FILES
from tests.media import bad_media
from tests.media.images.bombs import all_bombs

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MAX_SEED_BYTES = 20_000
CONTAINERS = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "avi", "wav", "flv", "mpegts", "ogg")
"""FFmpeg's names."""

RECORD = Record(
    media="a.jpg",
    kind="image",
    width=8,
    height=6,
    annotations=(
        Annotation("car", box=Box(0.125, 0.25, 0.5, 0.75), confidence=0.5),
        Annotation("a b", polygon=((0.0, 0.0), (1.0, 0.0), (0.5, 1.0)), track="t"),
    ),
)
FOLDERS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "cvat": ("annotations.xml", "annotations.xml", {}),
    "fiftyone": ("", "labels.json", {}),
    "masterful": ("", "records.csv", {"task": "object_detection"}),
    "voc": ("", "Annotations/a.xml", {}),
    "yolo": ("", "labels/train/a.txt", {}),
}
"""Format -> what is read, the file in it that is fuzzed, and its options, within a folder that the
format's own writer made of `RECORD`."""


def header_checks() -> dict[str, Callable[[bytes, Path], None]]:
    """Name of a module of headers -> a check of all that it reads."""
    of_bytes: dict[str, tuple[Callable[[bytes], object], ...]] = {
        "av1": (av1.av1_size,),
        "exif": (exif.exif_orientation,),
        "gif": (gif.gif_size, gif.has_first_picture),
        "jpeg": (jpeg.jpeg_header, jpeg.has_end, jpeg.first_scan, jpeg.samples_are_interleaved),
        "jpeg2000": (jpeg2000.jpeg2000_header,),
        "magic": (magic.picture_format, magic.binary_non_media, non_media.non_media_kind),
        "png": (png.png_size, png.png_orientation, png.with_end),
        "pnm": (pnm.pnm_header,),
        "routing": (_route,),
        "webp": (webp.webp_size, webp.webp_orientation, webp.first_frame),
        "heif": (_read_heif,),
        "tiff": (_read_tiff,),
        "boxes": (_read_boxes,),
    }
    checks = {name: partial(_read_bytes, reads) for name, reads in of_bytes.items()}
    return {**checks, "containers": _read_containers}


def annotation_checks() -> dict[str, Callable[[bytes, Path], None]]:
    """Format -> a check of its reader under both policies."""
    single = {name: partial(_read_annotations, name) for name in {*JSON_FILES, *TEXT_FILES}}
    return {**single, **{name: partial(_read_folder, name) for name in FOLDERS}}


def header_seeds(folder: Path) -> list[bytes]:
    """Headers that lie, and a good picture of each kind."""
    pictures = [bad_media.good_picture(kind, folder).read_bytes() for kind in bad_media.PICTURES]
    return [*pictures, *(seed for seed in all_bombs().values() if len(seed) < MAX_SEED_BYTES)]


def container_seeds(folder: Path) -> list[bytes]:
    """Short clips of every container."""
    return [bad_media.good_clip(name, folder).read_bytes() for name in bad_media.CLIPS]


def annotation_seeds(name: str, folder: Path) -> list[bytes]:
    """A good file of a format."""
    if name in FOLDERS:
        _, fuzzed, _ = FOLDERS[name]
        return [(_written(name, folder) / fuzzed).read_bytes()]
    found = [json.dumps(JSON_FILES[name]).encode()] if name in JSON_FILES else []
    return [*found, *([TEXT_FILES[name].encode()] if name in TEXT_FILES else [])]


def _read_bytes(reads: tuple[Callable[[bytes], object], ...], data: bytes, folder: Path) -> None:
    """Facts or none, and never an error."""
    del folder
    for read in reads:
        read(data)


def _route(data: bytes) -> None:
    header = read_header(data)
    assert header.size is None or min(header.size) >= 0
    assert 1 <= header.orientation <= 8
    unsupported(header, data)


def _read_heif(data: bytes) -> None:
    items = heif.heif_items(data)
    if items is None:
        return
    for item in items.items.values():
        for ask in (items.payload, items.grid, items.bits):
            ask(item)
        assert item.size is None or len(item.size) == 2
        assert item.colour is None or len(item.colour) == 4


def _read_tiff(data: bytes) -> None:
    tiff.raw_kind(data)
    for directory in tiff.all_directories(data):
        for number in directory.tags:
            directory.values(number)
    page = tiff.shown_directory(data)
    if page is not None:
        rewritten(data, page, {tiff.ORIENTATION: (1,), tiff.PREDICTOR: None})


def _read_boxes(data: bytes) -> None:
    for box in boxes.boxes_in(data):
        assert 0 <= box.start < box.body <= box.end
        assert box.body <= len(data)


def _read_containers(data: bytes, folder: Path) -> None:
    """What is read of a container besides what FFmpeg reads; its last byte chooses the name."""
    path = folder / "media"
    path.write_bytes(data)
    container = CONTAINERS[data[-1] % len(CONTAINERS)] if data else CONTAINERS[0]
    with path.open("rb") as file:
        with suppress(MediaError):
            truncation.truncation_reason(file, container)
        with suppress(MediaError):
            encryption.is_encrypted(file, container)
        for number in (0, 1):
            cropping.container_crop(file, container, cropping.Track(number + 1, number, 8, 8))
        assert index_claims.excess_samples(file, len(data)) >= 0


def _read_annotations(name: str, data: bytes, folder: Path) -> None:
    path = folder / "annotations"
    path.write_bytes(data)
    with suppress(DataError):
        recognise(path)
    _read_both_ways(name, path, {})


def _read_folder(name: str, data: bytes, folder: Path) -> None:
    read, fuzzed, options = FOLDERS[name]
    root = _written(name, folder)
    (root / fuzzed).write_bytes(data)
    _read_both_ways(name, root / read, options)


def _read_both_ways(name: str, path: Path, options: dict[str, str]) -> None:
    for on_error in ("raise", "skip"):
        with suppress(DataError):
            for record in get_format(name).read(path, on_error=on_error, **options):
                record.to_line()


def _written(name: str, folder: Path) -> Path:
    """What the format's writer makes of the record."""
    target = folder / name
    target.mkdir()
    Image.new("RGB", (8, 6)).save(folder / RECORD.media)
    read, _, options = FOLDERS[name]
    writer: Any = get_format(name)  # all of these can be written
    if name == "masterful":  # has no place for the polygon
        options = {**options, "keep_boxes": True}
    writer.write(iter([RECORD]), target / read, media_root=folder, **options)
    return target
