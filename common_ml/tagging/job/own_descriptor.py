"""Whether a descriptor is still the file that it was: a model may close or replace any."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class OwnDescriptor:
    """A descriptor and the file that it stood for.

    A library that closes what it has not opened (`os.closerange`, or `dup2` of /dev/null, as
    daemons do) leaves a number that is invalid, or that means a file of somebody else.
    """

    number: int
    identity: tuple[int, int]
    """Device and inode."""

    @staticmethod
    def of(number: int) -> OwnDescriptor:
        """Note what a descriptor stands for.

        Raises:
            OSError: it is closed.
        """
        status = os.fstat(number)
        return OwnDescriptor(number, (status.st_dev, status.st_ino))

    @property
    def is_intact(self) -> bool:
        """Whether it still stands for the same file."""
        try:
            return OwnDescriptor.of(self.number).identity == self.identity
        except OSError:
            return False

    def close(self) -> None:
        """Close it, unless it is another's by now."""
        if self.is_intact:
            os.close(self.number)
