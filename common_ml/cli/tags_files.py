"""Check the tags files named on a command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.errors import WireError

if TYPE_CHECKING:
    from pathlib import Path

_KINDS = {"image": "a picture", "video": "a video", "audio": "a sound file"}
_STARTS_OF_LINES = (b"{", b"\xef\xbb\xbf{")


def refuse_missing(*paths: Path) -> None:
    """Check that all of them exist, and that none is a media file.

    Raises:
        FileNotFoundError: one does not exist.
        WireError: one is a picture, a video or a sound file.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(
                f"no such tags file: {str(path)!r}; hint: `common-ml run` writes one"
            )
        kind = _media_kind(path)
        if kind is not None:
            raise WireError(
                f"{path} is {kind}, expected a tags file; "
                f"hint: `common-ml run MODEL {path}` writes one",
                path=path,
                line_number=1,
            )


def _media_kind(path: Path) -> str | None:
    """Name the kind of a media file; the media library is loaded only where it must be asked."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        head = file.read(64).lstrip()
    if not head or head.startswith(_STARTS_OF_LINES):
        return None
    from common_ml.media.kinds import media_kind

    return _KINDS.get(media_kind(path))
