"""Read the header of a portable anymap: PBM, PGM, PPM, PAM, PFM, PHM."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BLANKS = re.compile(rb"\s*")
_NUMBER = re.compile(rb"\d{1,10}")
_PAM_LINE = re.compile(rb"([A-Z]+)[ \t]+([^\n]*)\n|#[^\n]*\n|[ \t]*\n")
_MAX_PAM_LINES = 1000
_FLOATS = frozenset({"PF", "Pf", "PH", "Ph"})


@dataclass(frozen=True)
class PnmHeader:
    """The header."""

    kind: str
    """`P1` to `P7`, `PF`, `Pf`, `PH` or `Ph`."""
    width: int
    height: int
    max_value: int
    """Maximum value of a sample: white."""
    num_channels: int
    body: int
    """Offset of the samples."""


def pnm_header(data: bytes) -> PnmHeader | None:
    """Read the header, in one pass; None where it is not one."""
    kind = data[:2].decode("latin-1")
    if kind == "P7":
        return _pam(data)
    position, numbers = 2, list[int]()
    wanted = 2 if kind in {"P1", "P4", *_FLOATS} else 3
    while len(numbers) < wanted:
        position = _end(_BLANKS, data, position)
        if data[position : position + 1] == b"#":
            position = data.find(b"\n", position) + 1
            if not position:
                return None
            continue
        number = _NUMBER.match(data, position)
        if number is None:
            return None
        numbers.append(int(number[0]))
        position = number.end()
    if kind in _FLOATS:
        position = data.find(b"\n", position + 1)  # after the scale, whose sign is the byte order
    channels = 3 if kind in {"P3", "P6", "PF", "PH"} else 1
    return PnmHeader(
        kind, numbers[0], numbers[1], numbers[2] if wanted == 3 else 1, channels, position + 1
    )


def _pam(data: bytes) -> PnmHeader | None:
    """PAM: of a repeated key the larger value counts."""
    position, values = 3, dict[bytes, int]()
    for _ in range(_MAX_PAM_LINES):
        if data.startswith(b"ENDHDR", position):
            break
        line = _PAM_LINE.match(data, position)
        if line is None:
            return None
        position = line.end()
        if line[1] in {b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL"}:
            number = _NUMBER.match(line[2])
            if number is None:
                return None
            values[line[1]] = max(int(number[0]), values.get(line[1], 0))
    body = data.find(b"\n", position) + 1
    if len(values) < 4 or not body or not data.startswith(b"ENDHDR", position):
        return None
    width, height, depth, max_value = (
        values[key] for key in (b"WIDTH", b"HEIGHT", b"DEPTH", b"MAXVAL")
    )
    return PnmHeader("P7", width, height, max_value, depth, body)


def _end(pattern: re.Pattern[bytes], data: bytes, position: int) -> int:
    match = pattern.match(data, position)
    return match.end() if match else position
