"""Keep descriptors 0 to 2 for the standard streams."""

from __future__ import annotations

import os
from contextlib import suppress


def open_standard_descriptors() -> None:
    """Let the standard streams that are closed (`2>&-`) be /dev/null.

    Otherwise the next file that is opened gets the number, such as the tags or the pipe of signals,
    and what native code prints goes there.
    """
    with suppress(OSError):  # no descriptor is left
        while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
            os.set_inheritable(number, True)  # noqa: FBT003 - positional only
        os.close(number)
