"""Write H.264 that no encoder here writes: long-term references and field pictures.

    stream = Stream(fields=True)
    units = [stream.picture(Slice(0, is_idr=True)), stream.picture(Slice(1, frame_num=1)), ...]
    write(path, units)

Each picture has one macroblock of its own samples (I_PCM), which tells its number; all others are
those of the first reference (P_Skip), or the mean of the first of each list (B_Skip), so that a
wrong reference shows. 64x64, CAVLC, no deblocking.
After ITU-T H.264 (08/2021), 7.3.2 to 7.3.5.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_SIDE = 4
"""Macroblocks across and down a frame."""
_ORDER_BITS = _NUMBER_BITS = 8
_RATE = 25


class _Writer:
    """Bits, most significant first."""

    def __init__(self) -> None:
        self._bits: list[str] = []

    def number(self, value: int, count: int) -> None:
        self._bits.append(f"{value:0{count}b}" if count else "")

    def golomb(self, value: int) -> None:
        code = f"{value + 1:b}"
        self._bits.append("0" * (len(code) - 1) + code)

    def align(self) -> None:
        self._bits.append("0" * (-sum(map(len, self._bits)) % 8))

    def unit(self, head: int) -> bytes:
        """The NAL unit behind a start code, with its stop bit and its escapes."""
        self._bits.append("1")
        self.align()
        bits = "".join(self._bits)
        data = int(bits, 2).to_bytes(len(bits) // 8, "big")
        escaped, zeros = bytearray(), 0
        for byte in data:
            if zeros == 2 and byte <= 3:
                escaped.append(3)
                zeros = 0
            escaped.append(byte)
            zeros = zeros + 1 if byte == 0 else 0
        return b"\0\0\0\1" + bytes([head]) + bytes(escaped)


@dataclass(frozen=True)
class Slice:
    """A picture: a frame, or one field."""

    number: int
    """What its own macroblock shows, 1..200, and where that is."""
    frame_num: int = 0
    order: int = 0
    """pic_order_cnt_lsb."""
    is_idr: bool = False
    is_intra: bool = False
    is_b: bool = False
    is_reference: bool = True
    bottom: bool | None = None
    """Which field; None for a frame."""
    modifications: tuple[tuple[int, int], ...] = ()
    """Commands (modification_of_pic_nums_idc, value), of list 0."""
    marking: tuple[tuple[int, ...], ...] = ()
    """Commands of memory management; empty for the sliding window. Of an IDR picture any command
    makes it a long-term reference."""


@dataclass(frozen=True)
class Stream:
    """The headers of a stream, and its pictures."""

    num_references: int = 4
    fields: bool = False

    def headers(self) -> bytes:
        """Sequence and picture parameter sets."""
        sps = _Writer()
        for value in (77, 0, 30):  # main profile, level 3
            sps.number(value, 8)
        for value in (0, _NUMBER_BITS - 4, 0, _ORDER_BITS - 4, self.num_references):
            sps.golomb(value)
        sps.number(0, 1)  # gaps_in_frame_num_value_allowed
        sps.golomb(_SIDE - 1)
        sps.golomb((_SIDE // 2 if self.fields else _SIDE) - 1)
        sps.number(0 if self.fields else 1, 1)  # frame_mbs_only
        if self.fields:
            sps.number(0, 1)  # mb_adaptive_frame_field
        sps.number(1, 1)  # direct_8x8_inference
        sps.number(0b01, 2)  # cropping, usability information
        sps.number(0b000000001, 9)  # of which there is what the decoder has to hold back
        sps.number(1, 1)
        for value in (0, 0, 10, 10, 2, self.num_references):
            sps.golomb(value)
        pps = _Writer()
        pps.golomb(0)
        pps.golomb(0)
        pps.number(0, 2)  # entropy_coding_mode, bottom_field_pic_order_in_frame_present
        for _ in ("slice groups", "references of list 0", "references of list 1"):
            pps.golomb(0)
        pps.number(0, 3)  # weights
        for _ in ("qp", "qs", "chroma"):
            pps.golomb(0)
        pps.number(0b100, 3)  # deblocking control, constrained_intra_pred, redundant_pic_cnt
        return sps.unit(0x67) + pps.unit(0x68)

    def picture(self, one: Slice) -> bytes:
        """One picture in one slice; the headers stand before an IDR picture."""
        bits = _Writer()
        is_intra = one.is_idr or one.is_intra
        bits.golomb(0)
        bits.golomb(7 if is_intra else 6 if one.is_b else 5)
        bits.golomb(0)
        bits.number(one.frame_num % (1 << _NUMBER_BITS), _NUMBER_BITS)
        if self.fields:
            bits.number(one.bottom is not None, 1)
            if one.bottom is not None:
                bits.number(one.bottom, 1)
        if one.is_idr:
            bits.golomb(one.number % 2)
        bits.number(one.order % (1 << _ORDER_BITS), _ORDER_BITS)
        if one.is_b:
            bits.number(1, 1)  # direct_spatial_mv_pred
        if not is_intra:
            bits.number(0, 1)  # num_ref_idx_active_override
            bits.number(bool(one.modifications), 1)
            for command in (*one.modifications, (3,)) if one.modifications else ():
                for value in command:
                    bits.golomb(value)
            bits.number(0, int(one.is_b))  # ref_pic_list_modification_flag_l1
        if one.is_reference:
            self._mark(bits, one)
        bits.golomb(0)  # slice_qp_delta
        bits.golomb(1)  # no deblocking
        self._macroblocks(bits, one, is_intra=is_intra)
        kind = 5 if one.is_idr else 1
        unit = bits.unit((0x60 if one.is_reference else 0) | kind)
        return (self.headers() if one.is_idr else b"") + unit

    def _mark(self, bits: _Writer, one: Slice) -> None:
        if one.is_idr:
            bits.number(bool(one.marking), 2)
            return
        bits.number(bool(one.marking), 1)
        for command in (*one.marking, (0,)) if one.marking else ():
            for value in command:
                bits.golomb(value)

    def _macroblocks(self, bits: _Writer, one: Slice, *, is_intra: bool) -> None:
        count = _SIDE * _SIDE // (1 if one.bottom is None else 2)
        own = one.number % count
        if not is_intra:
            bits.golomb(own)  # mb_skip_run
        for place in range(count) if is_intra else [own]:
            bits.golomb(25 if is_intra else 48 if one.is_b else 30)  # I_PCM
            bits.align()
            for value in (one.number + 16 + (place != own) * 30, 128):
                for _ in range(256 if value != 128 else 128):
                    bits.number(value, 8)
        if not is_intra and own < count - 1:
            bits.golomb(count - 1 - own)


def write(
    path: Path, packets: Sequence[bytes], shown_at: Sequence[int] = (), *, pause: int = 0
) -> None:
    """Write packets to a container, which that of the name is; 25 pictures a second.

    Args:
        path: The file.
        packets: In order of decoding.
        shown_at: Place of each in order of presentation; in the order of decoding if left out.
        pause: Periods that the second half comes later.
    """
    raw = io.BytesIO(b"".join(packets))
    with av.open(raw, format="h264") as source, av.open(str(path), "w") as output:
        stream = output.add_stream_from_template(source.streams.video[0])
        for number, data in enumerate(packets):
            packet = av.Packet(data)
            packet.stream = stream
            packet.time_base = Fraction(1, _RATE)
            later = pause * (number >= len(packets) // 2)
            packet.dts, packet.duration = number + later, 1
            packet.pts = 2 + later + (shown_at[number] if shown_at else number)
            packet.is_keyframe = data[4] & 0x1F == 7
            output.mux(packet)
