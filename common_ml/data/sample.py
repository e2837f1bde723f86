"""`Sample`: a record with its pixels and its annotations as arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from common_ml.data.diffgram_file import DiffgramClient, DiffgramFile, instances_of
from common_ml.data.record import Annotation, Box
from common_ml.errors import DatasetError
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind

if TYPE_CHECKING:
    import numpy.typing as npt

    from common_ml.data.pixels import Ahead, Pixels
    from common_ml.data.record import Record

KEYS = (
    "image",
    "boxes",
    "labels",
    "label_names",
    "time_seconds",
    "record",
    "x_min_list",
    "y_min_list",
    "x_max_list",
    "y_max_list",
    "label_id_list",
    "label_name_list",
    "polygon_mask_list",
    "tags",
    "global_attributes",
    "diffgram_file",
    "type",
    "raw_instance_list",
    "instance_types_in_file",
)


class Sample(Mapping[str, Any]):
    """A record with its pixels; everything is computed on first access.

    `sample.image` and `sample["image"]` are the same. Boxes are those of all annotations with
    value 1 and a box, a polygon or a mask; all lists about boxes have the same order.
    """

    def __init__(
        self,
        record: Record,
        *,
        number: int,
        label_ids: Mapping[str, int],
        pixels: Pixels,
        ahead: Ahead | None,
    ) -> None:
        """Prepare to read the pixels.

        Args:
            record: The record.
            number: Its index in the whole dataset.
            label_ids: Label -> number, of the whole dataset.
            pixels: Reads the picture.
            ahead: Frames of the same video that come next; None if unknown.
        """
        self.record = record
        self.number = number
        """Index in the whole dataset, also in a slice."""
        self.label_ids = label_ids
        """Label -> number, of the whole dataset."""
        self._pixels = pixels
        self._ahead = ahead

    def __getitem__(self, key: str) -> Any:
        if key not in KEYS:
            raise KeyError(key)
        return getattr(self, key)

    def __iter__(self) -> Iterator[str]:
        return iter(KEYS)

    def __len__(self) -> int:
        return len(KEYS)

    def __repr__(self) -> str:
        return f"Sample({self.record.id!r}, {len(self.record.annotations)} annotations)"

    def __reduce__(self) -> Any:
        raise TypeError("a sample is not sent to other processes: send dict(sample)")

    @cached_property
    def image(self) -> npt.NDArray[np.uint8]:
        """The picture: RGB, uint8, shape (H, W, 3).

        Raises:
            DatasetError: the record is not about a single picture, or its file does not exist.
            MediaError: the file cannot be decoded.
            FormatError: its size differs from the record's.
        """
        record = self._fitted
        if record.frame_index is not None and record.kind != "image":
            return self._pixels.of_frame(record, record.frame_index, self._ahead)
        kind = record.kind or media_kind(self._pixels.path_of(record))
        if kind != "image":
            raise DatasetError(
                f"{record.id!r} is a whole {kind} and no single picture: open the dataset with "
                "per='frame' for one sample per tagged frame"
            )
        return self._pixels.of_file(record)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; the picture is only read where the record has no size."""
        record = self._fitted
        if record.width is not None and record.height is not None:
            return record.width, record.height
        height, width, _ = self.image.shape
        return width, height

    @cached_property
    def boxes(self) -> npt.NDArray[np.float32]:
        """Edges x1, y1, x2, y2 in pixels: float32, shape (N, 4)."""
        if not self._located:
            return np.zeros((0, 4), np.float32)
        scale_x, scale_y = self.size if self._fitted.unit == "ratio" else (1, 1)
        edges = [box.scaled(scale_x, scale_y) for _, box in self._located]
        return np.array([[one.x1, one.y1, one.x2, one.y2] for one in edges], np.float32)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """Numbers of the boxes' labels, from 1 on: int64, shape (N,)."""
        return np.array([self.label_ids[name] for name in self.label_names], np.int64)

    @cached_property
    def label_names(self) -> list[str]:
        """Labels of the boxes."""
        return [annotation.label for annotation, _ in self._located]

    @property
    def time_seconds(self) -> float | None:
        """When the frame is shown; None for a picture."""
        return self.record.time_seconds

    @property
    def x_min_list(self) -> list[float]:
        """Left edges in pixels."""
        return self._edges(0)

    @property
    def y_min_list(self) -> list[float]:
        """Upper edges in pixels."""
        return self._edges(1)

    @property
    def x_max_list(self) -> list[float]:
        """Right edges in pixels."""
        return self._edges(2)

    @property
    def y_max_list(self) -> list[float]:
        """Lower edges in pixels."""
        return self._edges(3)

    @property
    def label_id_list(self) -> list[int]:
        """Numbers of the boxes' labels."""
        return [int(number) for number in self.labels]

    @property
    def label_name_list(self) -> list[str]:
        """Labels of the boxes."""
        return self.label_names

    @cached_property
    def polygon_mask_list(self) -> list[npt.NDArray[np.float32]]:
        """A mask for each box: 1 inside, float32, shape (H, W).

        Empty if no annotation has a polygon or mask; where some have, a box is its own mask.
        """
        annotations = [annotation for annotation, _ in self._located]
        if not any(one.polygon or one.mask for one in annotations):
            return []
        return [self._mask(one, box).astype(np.float32) for one, box in self._located]

    @property
    def tags(self) -> list[str]:
        """Labels, without repetitions, that are about the picture as a whole."""
        located = {id(annotation) for annotation, _ in self._located}
        present = (one for one in self._fitted.annotations if one.value and id(one) not in located)
        return list(dict.fromkeys(one.label for one in present))

    @property
    def global_attributes(self) -> dict[str, Any]:
        """Metadata of the record."""
        return dict(self.record.metadata)

    @cached_property
    def diffgram_file(self) -> DiffgramFile:
        """The file as in Diffgram's datasets: id, type, original_filename, client."""
        return DiffgramFile(self.record, DiffgramClient(dict(self.label_ids)))

    @property
    def type(self) -> str:
        """Kind of the media: "image", "video", "audio"; in Diffgram's terms."""
        return self.diffgram_file.type

    @cached_property
    def raw_instance_list(self) -> list[dict[str, Any]]:
        """The annotations as instances of Diffgram, in pixels."""
        record = self._fitted
        width, height = self.size if record.unit == "ratio" else (1, 1)
        return instances_of(record, self.label_ids, width, height)

    @property
    def instance_types_in_file(self) -> set[str]:
        """The types of the instances: box, polygon, tag, ..."""
        return {str(one["type"]) for one in self.raw_instance_list}

    @cached_property
    def _fitted(self) -> Record:
        """The record with boxes rotated where EXIF rotates the picture."""
        return self._pixels.fitted(self.record)

    @property
    def located(self) -> list[Annotation]:
        """The annotations of the boxes, in the same order."""
        return [annotation for annotation, _ in self._located]

    @cached_property
    def _located(self) -> list[tuple[Annotation, Box]]:
        present = [one for one in self._fitted.annotations if one.value]
        found = ((one, one.bounds() or self._mask_bounds(one)) for one in present)
        return [(one, box) for one, box in found if box is not None]

    def _mask_bounds(self, annotation: Annotation) -> Box | None:
        if annotation.mask is None:
            return None
        inside = self._mask_pixels(annotation)
        rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
        if not len(rows):
            return None
        box = Box(columns[0], rows[0], columns[-1] + 1, rows[-1] + 1)
        height, width = inside.shape
        return box if self._fitted.unit == "pixel" else box.scaled(1 / width, 1 / height)

    def _mask_pixels(self, annotation: Annotation) -> npt.NDArray[np.bool_]:
        mask = annotation.mask
        assert mask is not None  # noqa: S101 - callers have looked
        if mask.counts is not None:
            return mask.to_array()
        path = self._pixels.resolve(mask.image)
        if path is None:
            raise DatasetError(f"no file for the mask {mask.image!r} of {self.record.id!r}")
        return mask.pick(read_image(path))

    def _mask(self, annotation: Annotation, box: Box) -> npt.NDArray[np.bool_]:
        if annotation.mask is not None:
            return self._mask_pixels(annotation)
        corners = annotation.polygon
        if corners is None:
            corners = ((box.x1, box.y1), (box.x2, box.y1), (box.x2, box.y2), (box.x1, box.y2))
        width, height = self.size
        scale_x, scale_y = (width, height) if self._fitted.unit == "ratio" else (1, 1)
        return filled([(x * scale_x, y * scale_y) for x, y in corners], width, height)

    def _edges(self, column: int) -> list[float]:
        return [float(edge) for edge in self.boxes[:, column]]


def filled(corners: list[tuple[float, float]], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Rasterise a polygon: pixel centres inside (even-odd rule), shape (height, width).

    Args:
        corners: In pixels.
        width: Of the picture.
        height: Of the picture.
    """
    toggles = np.zeros((height, width + 1), np.int64)
    middles = np.arange(height) + 0.5
    for (x1, y1), (x2, y2) in zip(corners, [*corners[1:], corners[0]], strict=True):
        rows = np.flatnonzero((middles >= min(y1, y2)) & (middles < max(y1, y2)))
        if len(rows):
            crossings = x1 + (middles[rows] - y1) * (x2 - x1) / (y2 - y1)
            # the first pixel whose centre is right of the edge
            columns = np.ceil(crossings - 0.5).clip(0, width).astype(np.int64)
            np.add.at(toggles, (rows, columns), 1)
    inside: npt.NDArray[np.bool_] = np.cumsum(toggles, axis=1)[:, :width] % 2 == 1
    return inside
