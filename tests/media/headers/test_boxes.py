from __future__ import annotations

import io
import struct

from common_ml.media.headers.boxes import MAX_BOXES, IsoBox, boxes_in, boxes_of_file


def box(kind: bytes, body: bytes = b"") -> bytes:
    return struct.pack(">I4s", len(body) + 8, kind) + body


def test_boxes_come_in_order_with_the_size_they_state() -> None:
    data = box(b"ftyp", b"isom") + box(b"free") + struct.pack(">I4s", 1000, b"mdat") + b"xyz"
    assert list(boxes_in(data)) == [
        IsoBox(b"ftyp", 0, 8, 12), IsoBox(b"free", 12, 20, 20), IsoBox(b"mdat", 20, 28, 1020),
    ]  # fmt: skip
    assert list(boxes_of_file(io.BytesIO(data), len(data))) == list(boxes_in(data))


def test_a_size_of_one_stands_behind_the_kind_and_zero_reaches_to_the_end() -> None:
    data = struct.pack(">I4sQ", 1, b"mdat", 20) + bytes(4) + struct.pack(">I4s", 0, b"moov") + b"ab"
    assert list(boxes_in(data)) == [IsoBox(b"mdat", 0, 16, 20), IsoBox(b"moov", 20, 28, 30)]


def test_children_are_walked_within_their_parent() -> None:
    inner = box(b"pitm", b"\0\0\0\0\0\1") + box(b"iinf")
    data = box(b"meta", inner) + box(b"mdat")
    (meta, _) = boxes_in(data)
    assert [child.kind for child in boxes_in(data, meta.body, meta.end)] == [b"pitm", b"iinf"]


def test_a_size_that_no_box_can_have_ends_the_walk() -> None:
    for length in range(2, 8):
        assert list(boxes_in(box(b"free") + struct.pack(">I4s", length, b"mdat"))) == [
            IsoBox(b"free", 0, 8, 8)
        ]
    assert list(boxes_in(struct.pack(">I4sQ", 1, b"mdat", 15))) == []
    assert list(boxes_in(b"\0\0\0\x08mda")) == []


def test_a_long_size_that_is_cut_off_ends_the_walk() -> None:
    for num_bytes in range(8):
        data = struct.pack(">I4s", 1, b"mdat") + bytes([1] * num_bytes)
        assert list(boxes_in(box(b"free") + data)) == [IsoBox(b"free", 0, 8, 8)]


def test_padding_does_not_hold_the_walk_for_ever() -> None:
    assert sum(1 for _ in boxes_in(box(b"free") * (MAX_BOXES + 5))) == MAX_BOXES
