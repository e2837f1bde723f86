"""Files that mark every packet as a keyframe, or store their palette beside the first one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from common_ml.media import decode
from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.media.recipes import Packets, Rgb


def all_marked(packets: Packets) -> Packets:
    for packet in packets:
        packet.is_keyframe = True
    return packets


def some_marked(packets: Packets) -> Packets:
    for packet in packets[::3]:
        packet.is_keyframe = True
    return packets


def in_order(path: Path) -> list[Any]:
    """All pictures, decoded by PyAV one after the other."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(
    ("suffix", "codec", "pixel_format", "edit"),
    [
        # the decoder says of each picture whether it refers to others
        (".avi", "mpeg4", "yuv420p", all_marked),
        (".mkv", "mpeg4", "yuv420p", some_marked),
        (".mov", "svq1", "yuv410p", all_marked),
        (".h263", "h263", "yuv420p", None),
        # it does not
        (".mov", "rpza", "rgb555le", all_marked),
        (".avi", "msvideo1", "rgb555le", all_marked),
        (".avi", "zmbv", "bgr0", all_marked),
    ],
)
def test_false_marks_of_keyframes_change_no_picture(
    tmp_path: Path,
    suffix: str,
    codec: str,
    pixel_format: str,
    edit: Callable[[Packets], Packets] | None,
) -> None:
    path = tmp_path / f"clip{suffix}"
    clip = recipes.Video(
        codec=codec, pixel_format=pixel_format, gop_size=12, edit=edit, num_frames=30, width=176,
        height=144,
    )  # fmt: skip
    recipes.write(path, clip)
    wanted = in_order(path)
    with decode.sample(path, fps=3, workers=1) as frames:
        taken = list(frames)
    assert len(taken) in {3, 4}  # bare H.263 has a rate of its own
    for frame in taken:
        assert np.abs(frame.rgb.astype(int) - wanted[frame.index]).mean() < 3


def write_with_palette(path: Path, codec: str) -> list[Rgb]:
    """Write pictures of one colour each; return their colours."""
    colours = [np.array([10 * n, 255 - 10 * n, 128], np.uint8) for n in range(16)]
    palette = np.zeros((256, 4), np.uint8)
    palette[:16] = [[255, *colour] for colour in colours]
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream(codec, rate=4)
        stream.width = stream.height = 64
        stream.pix_fmt = "pal8"
        for number in range(16):
            indexed: Any = np.full((64, 64), number, np.uint8), palette
            frame = av.VideoFrame.from_ndarray(indexed, format="pal8")
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return colours


@pytest.mark.parametrize(("suffix", "codec"), [(".avi", "rawvideo"), (".mov", "smc")])
@pytest.mark.parametrize("strategy", ["auto", "groups", "sequential"])
def test_a_palette_of_the_first_packet_is_that_of_all(
    tmp_path: Path, suffix: str, codec: str, strategy: str
) -> None:
    path = tmp_path / f"clip{suffix}"
    colours = write_with_palette(path, codec)
    with decode.sample(path, fps=1, strategy=strategy, workers=2) as frames:  # type: ignore[arg-type] # of the list above
        taken = [(frame.index, frame.rgb[20, 20].tolist()) for frame in frames]
    assert taken == [(n, colours[n].tolist()) for n in (0, 4, 8, 12)]
