"""Model the reference pictures of an H.264 decoder, and its reference lists.

Source: ITU-T H.264 (08/2021), 8.2.1 (order of output), 8.2.4 (reference lists) and 8.2.5
(marking), for frames and for pairs of fields, with short-term and long-term references.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from common_ml.media.video.bitstream.errors import UnsupportedHeaderError
from common_ml.media.video.bitstream.h264_headers import BOTH_FIELDS
from common_ml.media.video.bitstream.h264_targets import Reference, entries_of, targets_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.media.video.bitstream.h264_frames import FrameHeader, PictureHeader
    from common_ml.media.video.bitstream.h264_headers import SliceHeader
    from common_ml.media.video.bitstream.h264_targets import Target

_B = 1


class ListEntry(NamedTuple):
    """One entry of a reference list."""

    place: int | None
    """Of its packet; None for one that fills a gap."""
    fields: int
    """3 for a frame."""


class Seen(NamedTuple):
    """What a decoder has before it when it decodes a packet."""

    orders: tuple[int, ...]
    """PicOrderCnt of each picture."""
    lists: list[list[ListEntry]] | None
    """The active entries of all lists of all slices; None if something is named or kept that is
    not there."""
    fillers: frozenset[int]
    """frame_num of references that only fill gaps."""


@dataclass
class ReferenceBuffer:
    """The decoded picture buffer, packet by packet, from a random access point on."""

    references: list[Reference] = field(default_factory=list)
    """In the order of decoding."""
    _order_msb: int = 0
    _order_lsb: int = 0
    _frame_num: int | None = None  # of the picture before
    _frame_num_offset: int = 0

    def decode(self, frame: FrameHeader, place: int, *, needs_lists: bool) -> Seen:
        """Decode a packet's frame, or both of its fields.

        Args:
            frame: Its headers.
            place: Its place among the packets.
            needs_lists: Whether to make its lists; else they are empty.

        Raises:
            UnsupportedHeaderError: it marks in a way that is not supported.
        """
        orders: list[int] = []
        lists: list[list[ListEntry]] | None = []
        fillers: set[int] = set()
        current: Reference | None = None
        for picture in frame.pictures:
            orders.append(self._begin(picture))
            fillers.update(one.frame_num for one in self.references if one.place is None)
            of_picture = self._lists(picture, orders[-1]) if needs_lists else []
            lists = None if lists is None or of_picture is None else lists + of_picture
            current, is_sound = self._end(picture, place, orders[-1], current)
            lists = lists if is_sound else None
        if any(one.short and one.long for one in self.references):
            raise UnsupportedHeaderError("fields of one frame that are marked differently")
        return Seen(tuple(orders), lists, frozenset(fillers))

    def _begin(self, picture: PictureHeader) -> int:
        """Fill the gap before a picture, if there is one; return its PicOrderCnt."""
        header, wrap = picture.first, 1 << picture.sequence.frame_num_bits
        if header.is_idr:
            self.references.clear()
            self._order_msb = self._order_lsb = self._frame_num_offset = 0
        elif self._frame_num is not None:
            number = self._frame_num
            while header.frame_num not in {number, (number + 1) % wrap}:
                number = (number + 1) % wrap
                self._slide(picture)
                self.references.append(Reference(number, None, short=BOTH_FIELDS))
        order = self._order(picture, wrap)
        self._frame_num = header.frame_num
        return order

    def _lists(self, picture: PictureHeader, order: int) -> list[list[ListEntry]] | None:
        """Return the active entries of all lists of all slices; None if one is not there."""
        targets = self._short_targets(picture.first, 1 << picture.sequence.frame_num_bits)
        lists: list[list[ListEntry]] = []
        for header in picture.slices:
            initial: list[list[Target]] | None = None
            for number, commands in enumerate(header.modifications):
                if initial is None:
                    initial = self._initial_lists(header, targets, order)
                size = header.num_references[number]
                named = self._named(header, commands, picture, targets)
                if named is None:
                    return None
                # A frame may be named twice, with weights of its own each time.
                rest = [one for one in initial[number][:size] if one not in named]
                lists.append([ListEntry(one.place, bits) for one, bits in (named + rest)[:size]])
        return lists

    def _end(
        self, picture: PictureHeader, place: int, order: int, current: Reference | None
    ) -> tuple[Reference | None, bool]:
        """Apply the picture's marking commands, and store it if it is a reference.

        Args:
            picture: Its header.
            place: Of its packet.
            order: Its PicOrderCnt.
            current: The first field of the same frame; None for a frame, and for the first one.

        Returns:
            What was stored, or None if it is no reference; and whether all was there that the
            commands keep.
        """
        header = picture.first
        if not header.is_reference:
            return None, True
        is_second = current is not None
        if current is None:
            current = Reference(header.frame_num, place, order)
        current.order = min(current.order, order)
        is_sound, long_index = self._mark(picture, current)
        if header.marking is None and not (is_second and current.short):
            self._slide(picture)
        if long_index is None:
            current.short |= header.fields
        else:
            current.long |= header.fields
            current.long_index = long_index
        if current not in self.references:
            self.references.append(current)
        while len(self.references) > max(picture.sequence.max_num_references, 1):
            self._drop_oldest(but=current)
        return current, is_sound

    def _mark(self, picture: PictureHeader, current: Reference) -> tuple[bool, int | None]:
        """8.2.5.4: apply the commands.

        Returns:
            Whether all was there that is to be kept; and the current picture's LongTermFrameIdx,
            if it gets one.
        """
        header = picture.first
        is_sound, long_index = True, None
        for operation, *values in header.marking or ():
            if operation in {1, 3}:
                is_sound = self._move(picture, values) and is_sound
            elif operation == 2:
                gone = self._long_targets(header).get(values[0])
                if gone is not None:
                    gone[0].long &= ~gone[1]
            elif operation == 4:
                for one in self.references:
                    one.long = one.long if one.long_index < values[0] else 0
            elif operation == 6 and header.fields == BOTH_FIELDS:
                long_index = values[0]
                self._free(long_index, but=current)
            else:  # of a pair FFmpeg forgets the first field when the second one is marked so
                raise UnsupportedHeaderError(f"marking command {operation}")
            if any(not (one.short or one.long) for one in self.references):
                self.references = [one for one in self.references if one.short or one.long]
        return is_sound, long_index

    def _move(self, picture: PictureHeader, values: Sequence[int]) -> bool:
        """Drop a short-term reference, or make it a long-term one.

        Args:
            picture: The current one.
            values: Difference of the numbers less 1, and LongTermFrameIdx where it is kept.

        Returns:
            Whether it was there, or need not be: to drop what is not there changes nothing.
        """
        targets = self._short_targets(picture.first, 1 << picture.sequence.frame_num_bits)
        target = targets.get(_current_number(picture.first) - (values[0] + 1))
        if target is None:
            return len(values) == 1
        one, part = target
        one.short &= ~part
        for long_index in values[1:]:
            self._free(long_index, but=one)
            one.long |= part
            one.long_index = long_index
        return True

    def _free(self, long_index: int, *, but: Reference) -> None:
        for one in self.references:
            if one.long and one.long_index == long_index and one is not but:
                one.long = 0

    def _slide(self, picture: PictureHeader) -> None:
        """8.2.5.3: the sliding window drops the oldest short-term reference."""
        if len(self.references) >= max(picture.sequence.max_num_references, 1):
            self._drop_oldest(but=None)

    def _drop_oldest(self, *, but: Reference | None) -> None:
        shorts = (n for n, one in enumerate(self.references) if one.short and one is not but)
        oldest = next(shorts, None)
        if oldest is None:
            raise UnsupportedHeaderError("more long-term references than there is room for")
        del self.references[oldest]

    def _short_targets(self, header: SliceHeader, wrap: int) -> dict[int, Target]:
        """8.2.4.1: PicNum -> frame, or field."""
        numbers = (
            (one.frame_num - (wrap if one.frame_num > header.frame_num else 0), one, one.short)
            for one in self.references
        )
        return targets_of(numbers, header.fields)

    def _long_targets(self, header: SliceHeader) -> dict[int, Target]:
        """8.2.4.1: LongTermPicNum -> frame, or field."""
        return targets_of(
            ((one.long_index, one, one.long) for one in self.references), header.fields
        )

    def _initial_lists(
        self, header: SliceHeader, targets: dict[int, Target], order: int
    ) -> list[list[Target]]:
        """8.2.4.2: the lists before they are modified."""
        shorts = [one for one in self.references if one.short]
        longs = sorted((one for one in self.references if one.long), key=_long_index)
        of_long = entries_of(longs, header.fields, lambda one: one.long)
        if header.kind != _B:
            if header.fields == BOTH_FIELDS:
                return [[targets[number] for number in sorted(targets, reverse=True)] + of_long]
            # by FrameNumWrap, which is the order of decoding
            return [entries_of(shorts[::-1], header.fields, lambda one: one.short) + of_long]
        by_order = sorted(shorts, key=lambda one: one.order)
        # the first field of the same frame may have the order of the second one
        is_field = header.fields != BOTH_FIELDS
        before = [one for one in reversed(by_order) if one.order < order + is_field]
        after = [one for one in by_order if one.order >= order + is_field]
        lists = [
            entries_of(frames, header.fields, lambda one: one.short) + of_long
            for frames in (before + after, after + before)
        ]
        if len(lists[1]) > 1 and lists[0] == lists[1]:
            lists[1][:2] = lists[1][1::-1]
        return lists

    def _named(
        self,
        header: SliceHeader,
        commands: tuple[tuple[int, int], ...],
        picture: PictureHeader,
        targets: dict[int, Target],
    ) -> list[Target] | None:
        """8.2.4.3: the pictures that a slice puts in front of a list; None if one is not there."""
        named: list[Target] = []
        current = predicted = _current_number(header)
        wrap = (1 << picture.sequence.frame_num_bits) * (1 if header.fields == BOTH_FIELDS else 2)
        for operation, value in commands:
            if operation == 2:
                target = self._long_targets(header).get(value)
            else:
                predicted = (predicted + (value + 1) * (-1 if operation == 0 else 1)) % wrap
                target = targets.get(predicted - (wrap if predicted > current else 0))
            if target is None:
                return None
            named.append(target)
        return named

    def _order(self, picture: PictureHeader, wrap: int) -> int:
        """8.2.1: PicOrderCnt; of a frame by its top field."""
        header, sequence = picture.first, picture.sequence
        if sequence.order_type == 2:
            if self._frame_num is not None and self._frame_num > header.frame_num:
                self._frame_num_offset += wrap if not header.is_idr else 0
            order = 2 * (self._frame_num_offset + header.frame_num)
            return order if header.is_reference else order - 1
        msb, lsb, half = self._order_msb, header.order_lsb, 1 << (sequence.order_lsb_bits - 1)
        if lsb < self._order_lsb and self._order_lsb - lsb >= half:
            msb += 2 * half
        elif lsb > self._order_lsb and lsb - self._order_lsb > half:
            msb -= 2 * half
        if header.is_reference:
            self._order_msb, self._order_lsb = msb, lsb
        return msb + lsb


def _long_index(one: Reference) -> int:
    return one.long_index


def _current_number(header: SliceHeader) -> int:
    """8.2.4.1: CurrPicNum."""
    return header.frame_num if header.fields == BOTH_FIELDS else 2 * header.frame_num + 1
