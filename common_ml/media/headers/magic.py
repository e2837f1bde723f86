"""Table of magic numbers: detect a file's format by its first bytes."""

from __future__ import annotations

import re

PICTURES: dict[str, bytes] = {
    "jpeg": rb"\xff\xd8\xff",
    "png": rb"\x89PNG\r\n\x1a\n",
    "gif": rb"GIF8[79]a",
    "webp": rb"RIFF....WEBP",
    "bmp": rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0",  # the size of the second header
    "tiff": rb"II[\x2a\x2b]\0|MM\0[\x2a\x2b]",  # BigTIFF, too
    "heif": rb"....ftyp(?:avif|avis|heic|heix|heim|heis|hevc|hevx|mif1|msf1)",  # AVIF, too
    "jpeg2000": rb"\0\0\0\x0cjP  \r\n\x87\n....ftyp(?:jp2 |jpx |jpm |jph )|\xff\x4f\xff\x51",
    "jxl": rb"\0\0\0\x0cJXL \r\n\x87\n|\xff\x0a",
    "pnm": rb"P[1-6][ \t\r\n]+(?:\#|[0-9])",
    "pam": rb"P7\nWIDTH",
    "pfm": rb"P[Ff]\n",
    "phm": rb"P[Hh]\n",
    "radiance": rb"\#\?(?:RADIANCE|RGBE)",
    "exr": rb"\x76\x2f\x31\x01",
    "psd": rb"8BPS\0[\x01\x02]",
    "sun": rb"\x59\xa6\x6a\x95",
    "qoi": rb"qoif",
    "dds": rb"DDS \x7c\0\0\0",
    "sgi": rb"\x01\xda[\0\x01][\x01\x02]\0[\x01-\x03]",
    "pcx": rb"\x0a[\0\x02-\x05]\x01[\x01\x02\x04\x08]",
    "dpx": rb"SDPX|XPDS",
    "xbm": rb"\#define[ \t]{1,9}\w{1,200}_width[ \t]{1,9}[0-9]{1,6}\s{1,9}"
    rb"\#define[ \t]{1,9}\w{1,200}_height[ \t]",
    "xpm": rb"/\x2a XPM \x2a/",
    # no magic number: the fields of the header, with a size, depth and flags that exist
    "tga": rb"(?:.\0[\x02\x03\x0a\x0b]\0{4}[\0\x18\x20]|.\x01[\x01\x09].{4}[\x0f\x10\x18\x20])"
    rb".{4}(?!\0\0)..(?!\0\0)..[\x08\x0f\x10\x18\x20][\0-\x3f]",
    "jpegxr": rb"II\xbc[\0\x01]",
    "bpg": rb"BPG\xfb",
    "flif": rb"FLIF[1-7AQaq]",
    "icns": rb"icns....(?:ic|is|il|it|ih|TOC|info)",
    "xcf": rb"gimp xcf ",
    "dicom": rb".{128}DICM",
    "raw_cr3": rb"....ftypcrx ",
    "raw_raf": rb"FUJIFILMCCD-RAW",
    "raw_orf": rb"IIR[OS]|MMOR",
    "raw_rw2": rb"IIU\0",
    "raw_x3f": rb"FOVb",
    "raw_crw": rb"II.{4}HEAPCCDR",
}
"""Format -> pattern of its first bytes. No pattern has unbounded repetition."""

NON_MEDIA: dict[str, bytes] = {
    "a ZIP archive": rb"PK(?:\x03\x04|\x05\x06)",
    "an archive": rb"\x1f\x8b\x08|BZh[1-9]|\xfd7zXZ\0|7z\xbc\xaf\x27\x1c|Rar!\x1a\x07"
    rb"|\x28\xb5\x2f\xfd|.{257}ustar",
    "a PDF document": rb"%PDF-",
    "a program, a database or a document": rb"\x7fELF|MZ.\0|SQLite format 3\0"
    rb"|\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
}
"""Name for users -> pattern of the first bytes of other formats than picture, video or sound."""


SOUND_AND_VIDEO: dict[str, bytes] = {
    "riff": rb"RIFF....(?:WAVE|AVI )|RF64....WAVE",
    "aiff": rb"FORM....AIF[FC]",
    "au": rb"\.snd",
    "w64": rb"riff\x2e\x91\xcf\x11",
    "mp4": rb"\0...ftyp",
    "flac": rb"fLaC",
    "ogg": rb"OggS\0\x02",  # the first page of a stream
    "matroska": rb"\x1a\x45\xdf\xa3",
}
"""Format -> pattern of its first bytes, of those that are looked for behind other bytes; the
demuxers recognise all."""


def picture_format(head: bytes) -> str:
    """Return the key of `PICTURES` that matches `head`, or ""."""
    match = _ANY_PICTURE.match(head)
    return (match and match.lastgroup) or ""


def binary_non_media(head: bytes) -> str:
    """Return the key of `NON_MEDIA` that matches `head`, or ""."""
    match = _ANY_NON_MEDIA.match(head)
    return _NON_MEDIA_WORDS[match.lastindex - 1] if match and match.lastindex else ""


def _any_of(patterns: list[str], flags: re.RegexFlag) -> re.Pattern[bytes]:
    return re.compile("|".join(patterns).encode("latin-1"), re.DOTALL | flags)


_ANY_PICTURE = _any_of(
    [f"(?P<{name}>{pattern.decode('latin-1')})" for name, pattern in PICTURES.items()],
    re.RegexFlag(0),
)
_ANY_NON_MEDIA = _any_of(
    [f"({pattern.decode('latin-1')})" for pattern in NON_MEDIA.values()], re.IGNORECASE
)
_NON_MEDIA_WORDS = tuple(NON_MEDIA)
