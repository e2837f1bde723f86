"""Tags files that a command line names."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def refuse_missing(*paths: Path) -> None:
    """See that all of them are there.

    Raises:
        FileNotFoundError: one is not.
    """
    for path in paths:
        if not path.exists():
            raise FileNotFoundError(
                f"there is no tags file {str(path)!r}: `common-ml run` makes one"
            )
