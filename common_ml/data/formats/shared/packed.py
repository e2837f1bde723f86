"""Archives and compressed files, which stand where annotations are expected."""

from __future__ import annotations

from common_ml.errors import FormatError

MAGIC = {
    b"PK\x03\x04": "a ZIP archive",
    b"\x1f\x8b": "compressed with gzip",
    b"\x28\xb5\x2f\xfd": "compressed with Zstandard",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\0": "compressed with xz",
    b"7z\xbc\xaf\x27\x1c": "a 7-Zip archive",
}
_TAR_AT = 257
"""Where a tar archive has its magic."""


def packed_kind(head: bytes) -> str:
    """Return what kind of archive a file is, by its first bytes; "" for none."""
    if head[_TAR_AT:].startswith(b"ustar"):
        return "a tar archive"
    return next((name for magic, name in MAGIC.items() if head.startswith(magic)), "")


def raise_if_packed(head: bytes, path: str) -> None:
    """Refuse an archive by its name: a parser would only complain about its bytes.

    Raises:
        FormatError: it is one.
    """
    kind = packed_kind(head)
    if kind:
        raise FormatError(f"{path}: is {kind}; hint: unpack it", path=path)
