"""Where the result differs from that of the ffmpeg program, and why: the list of docs/media.md."""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

Aspect = Literal["number", "times", "looks", "length", "peak"]


class Difference(NamedTuple):
    """A reason, for some files and some of what is compared."""

    names: str
    """Regular expression for the names of cases."""
    aspects: frozenset[Aspect]
    reason: str
    """As it stands in docs/media.md."""


DIFFERENCES = [
    Difference(
        r"-(cut_off|last_packet_cut)$",
        frozenset({"number", "length", "looks", "peak", "times"}),
        "A picture that is cut off or damaged is left out; ffmpeg shows what its decoder paints.",
    ),
    Difference(
        r"-begins_between_keyframes$",
        frozenset({"length"}),
        "Sound from before the first picture that can be shown is left out.",
    ),
    Difference(
        r"-(jumps_ahead|jumps_back|starts_again|goes_on)$",
        frozenset({"length"}),
        "Where recordings are joined, sound keeps its place beside the pictures; ffmpeg puts it"
        " end to end.",
    ),
    Difference(
        r"-goes_on$",
        frozenset({"times"}),
        "Times never go back: a picture that claims to be shown before the one before it gets the"
        " time of that one.",
    ),
    Difference(
        r"-sound_pauses$",
        frozenset({"length"}),
        "A pause in the sound of a container with times is silence; ffmpeg puts what is around it"
        " end to end.",
    ),
    Difference(
        r"-stereo$|-truehd-",
        frozenset({"peak"}),
        "Stereo is averaged; ffmpeg adds 0.707 of each channel.",
    ),
    Difference(
        r"^mpg-.*-(jumps_ahead|jumps_back|starts_again|goes_on)$",
        frozenset({"times"}),
        "A packet from before a join that is stored behind it does not move the clock; ffmpeg's"
        " moves the whole rest of the file.",
    ),
    Difference(
        r"^mpg-libx265-",
        frozenset({"times"}),
        "In MPEG-PS a picture without a time follows a period after the one before; ffmpeg"
        " guesses.",
    ),
    Difference(
        r"^avi-libx264-",
        frozenset({"times", "length"}),
        "AVI has no presentation times: H.264 with B-frames gets decoding times in ascending order;"
        " ffmpeg guesses.",
    ),
    Difference(
        r"^avi-mpeg4-.*-(uneven|slow)$",
        frozenset({"length"}),
        "In AVI the first picture is shown at its decoding time, and sound begins with it; ffmpeg"
        " guesses a later one.",
    ),
]


def is_expected(case: str, aspect: Aspect) -> bool:
    """Whether a difference of a case has its reason."""
    return any(re.search(d.names, case) and aspect in d.aspects for d in DIFFERENCES)
