"""Read the tables of an MPEG transport stream: which programmes, and which streams in each."""

from __future__ import annotations

from typing import NamedTuple

_PAT, _PMT = 0, 2
"""Table ids: programme association, programme map."""
_PRIVATE = 6
"""Stream type of what descriptors name, such as AC-3 in DVB."""
_NAMING = frozenset({0x05, 0x56, 0x59, 0x6A, 0x7A, 0x7B, 0x7C, 0x7F})
"""Descriptors that say what a private stream is: registration, teletext, subtitles, AC-3, ..."""
_VIDEO_TYPES = frozenset({0x01, 0x02, 0x10, 0x1B, 0x20, 0x21, 0x24, 0x33, 0x42, 0xD1, 0xEA})
_SOUND_TYPES = frozenset({0x03, 0x04, 0x0F, 0x11, 0x1C, *range(0x80, 0x89), 0xA1, 0xA2})


class Stream(NamedTuple):
    """A stream of a programme."""

    pid: int
    kind: tuple[int, bytes]
    """Its type, and for a private one the descriptors that name it."""

    @property
    def media(self) -> str:
        """`video`, `sound`, or empty."""
        number, descriptors = self.kind
        if number == _PRIVATE:
            return "sound" if set(descriptors[::2]) & {0x6A, 0x7A, 0x7B, 0x7C} else ""
        if number in _VIDEO_TYPES:
            return "video"
        return "sound" if number in _SOUND_TYPES else ""


class SectionReader:
    """Join the sections of one PID from its packets, in file order."""

    def __init__(self) -> None:
        self._data = b""
        self._last = b""
        self._whole = b""  # a packet that held all of it, less its counter

    def add(self, packet: bytes) -> bytes:
        """Return a complete section that differs from the one before it; empty if there is none.

        Args:
            packet: 188 bytes.
        """
        if packet[4:] == self._whole:
            return b""
        adaptation = packet[3] >> 4 & 3
        payload = packet[5 + packet[4] :] if adaptation == 3 else packet[4:]
        if not adaptation & 1 or not payload:
            return b""
        if packet[1] & 0x40:  # a section begins behind the pointer
            self._data = payload[1 + payload[0] :]
        else:
            self._data += payload
        length = 3 + int.from_bytes(self._data[1:3], "big") % 4096
        if not 12 <= length <= len(self._data) or self._data[:length] == self._last:
            return b""
        section, self._data = self._data[:length], b""
        if _crc32(section):
            return b""
        self._last = section
        self._whole = packet[4:] if packet[1] & 0x40 and len(section) < len(payload) else b""
        return section if section[5] & 1 else b""  # else it holds from a later time on


def programmes(section: bytes) -> dict[int, int] | None:
    """Return number of programme -> PID of its table; None if it is no association table."""
    if section[0] != _PAT:
        return None
    entries = (section[at : at + 4] for at in range(8, len(section) - 7, 4))
    numbers = [(int.from_bytes(e[:2], "big"), int.from_bytes(e[2:], "big") % 8192) for e in entries]
    return {number: pid for number, pid in numbers if number}


def streams(section: bytes) -> tuple[int, list[Stream]] | None:
    """Return the number of a programme and its streams; None if it is no map of a programme."""
    if section[0] != _PMT:
        return None
    found = []
    at = 12 + int.from_bytes(section[10:12], "big") % 4096
    while at + 5 <= len(section) - 4:
        number = section[at]
        pid = int.from_bytes(section[at + 1 : at + 3], "big") % 8192
        end = at + 5 + int.from_bytes(section[at + 3 : at + 5], "big") % 4096
        names = _naming(section[at + 5 : end]) if number == _PRIVATE else b""
        found.append(Stream(pid, (number, names)))
        at = end
    return int.from_bytes(section[3:5], "big"), found


def _naming(descriptors: bytes) -> bytes:
    """Return the tag and first byte of each descriptor that says what the stream is."""
    names, at = b"", 0
    while at + 2 <= len(descriptors):
        tag, length = descriptors[at], descriptors[at + 1]
        if tag in _NAMING:
            names += bytes((tag, descriptors[at + 2] if tag == 5 and length else 0))
        at += 2 + length
    return names


def _crc32(data: bytes) -> int:
    """Return the checksum of ISO/IEC 13818-1, annex A; 0 for a whole section."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1 ^ (0x04C11DB7 if value >> 31 else 0)) & 0xFFFFFFFF
    return value
