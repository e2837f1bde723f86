"""Made H.264 films whose pictures refer to others in every way: random, and the same each time."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from common_ml.media.video.bitstream.h264_frames import FrameHeaderReader
from common_ml.media.video.bitstream.h264_references import ReferenceBuffer
from tests.media import made_h264
from tests.media.made_h264 import Slice, Stream

if TYPE_CHECKING:
    from pathlib import Path


class Film:
    """Packets in order of decoding, each a frame or its two fields."""

    def __init__(self, seed: int, *, fields: bool, with_b: bool, num_frames: int = 40) -> None:
        self._dice = random.Random(seed)
        self.stream = Stream(num_references=self._dice.randint(2, 4), fields=fields)
        self.packets: list[bytes] = []
        self.shown_at: list[int] = []
        # only to know what may be named; whether it is right, the decoder tells
        self._buffer = ReferenceBuffer()
        self._reader = FrameHeaderReader(self.stream.headers())
        self._frame_num = 0
        step = 2 if with_b else 1
        for number in range(0, num_frames, step):
            self._reference(number)
            if with_b and number:
                self._between(number - 1)

    def write(self, path: Path) -> None:
        """Write the film; the container is that of the name."""
        made_h264.write(path, self.packets, self.shown_at)

    def _reference(self, number: int) -> None:
        marking = () if not number else self._marking()
        self._add(number, is_idr=not number, is_intra=self._dice.random() < 0.05, marking=marking)
        self._frame_num += 1

    def _between(self, number: int) -> None:
        self._add(number, is_b=True, is_reference=False)

    def _add(self, number: int, **settings: object) -> None:
        is_pair = self.stream.fields and self._dice.random() < 0.8
        bottom_first = self._dice.random() < 0.3
        marking = settings.pop("marking", ())
        data = b""
        for n, bottom in enumerate((bottom_first, not bottom_first) if is_pair else (None,)):
            one = Slice(
                1 + (2 * number + n) % 100,
                frame_num=self._frame_num,
                order=2 * number + (n if is_pair else 0),
                bottom=bottom,
                modifications=()
                if n and (marking or "is_b" in settings)
                else self._modifications(is_pair=is_pair, is_second=bool(n)),
                marking=self._commands(marking, is_pair=is_pair, is_second=bool(n)),
                **{**settings, "is_idr": settings.get("is_idr") and not n},  # type: ignore[arg-type] # as Slice has them
            )
            data += self.stream.picture(one)
        header = self._reader.read(memoryview(data))
        assert header is not None
        self._buffer.decode(header, len(self.packets), needs_lists=True)
        self.packets.append(data)
        self.shown_at.append(number)

    def _modifications(self, *, is_pair: bool, is_second: bool) -> tuple[tuple[int, int], ...]:
        """Choose what is named first; the oldest may be gone for the second field."""
        known = [one for one in self._buffer.references if one.long]
        known += [one for one in self._buffer.references if one.short][is_second:]
        if not known or self._dice.random() < 0.5:
            return ()
        one = self._dice.choice(known)
        same = self._dice.randint(0, 1)
        if one.long:
            return ((2, 2 * one.long_index + same if is_pair else one.long_index),)
        distance = (self._frame_num - one.frame_num) % 256
        if is_pair:
            distance = 2 * distance + 1 - same
        return ((0, distance - 1),) if distance else ()

    def _marking(self) -> tuple[tuple[int, ...], ...]:
        """Choose how references are marked, by number of frames before this one, and index."""
        shorts = [one for one in self._buffer.references if one.short]
        longs = [one for one in self._buffer.references if one.long]
        chance = self._dice.random()
        if chance < 0.15 and len(shorts) > 1 and not longs:
            kept = self._dice.choice(shorts[1:])
            # room for the current one: the oldest goes
            return (
                (1, self._frame_num - shorts[0].frame_num),
                (4, 2),
                (3, self._frame_num - kept.frame_num, self._dice.randint(0, 1)),
            )
        if chance < 0.25 and longs:
            return ((2, longs[0].long_index),)
        if chance < 0.35 and len(shorts) > 1 and not longs and not self.stream.fields:
            return ((1, self._frame_num - shorts[0].frame_num), (4, 2), (6, 1))
        return ()

    @staticmethod
    def _commands(
        marking: object, *, is_pair: bool, is_second: bool
    ) -> tuple[tuple[int, ...], ...]:
        """Of frames as they are; of fields for both of a reference, by the first of the pair."""
        commands: list[tuple[int, ...]] = []
        for operation, *values in marking:  # type: ignore[attr-defined] # a tuple of tuples
            if operation == 6:
                commands.append((6, values[0]))
            elif is_second:
                continue
            elif operation in {1, 3} and is_pair:
                commands += [(operation, 2 * values[0] - 1 + n, *values[1:]) for n in (0, 1)]
            elif operation in {1, 3}:
                commands.append((operation, values[0] - 1, *values[1:]))
            elif operation == 2 and is_pair:
                commands += [(2, 2 * values[0] + n) for n in (1, 0)]
            else:
                commands.append((operation, *values))
        return tuple(commands)
