"""The name of a part: which file, tagged by what, with which params."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

NUM_DIGITS = 32
"""Of a digest in a name: 128 bits."""


@dataclass(frozen=True)
class PartKey:
    """What a part depends on; other values give another part."""

    file: str
    """The media file: its path, its address, or a digest of its content."""
    revision: str = ""
    """Of the tagger, such as the digest of its image; "" if unknown."""
    params: str = ""
    """See `params_digest`; "" for none."""
    fence: int | None = None
    """Number of an attempt, where a record elsewhere says which attempt counts."""

    @cached_property
    def name(self) -> str:
        """The name of the part, without an extension: hexadecimal digits, and the fence if any."""
        text = json.dumps([self.file, self.revision, self.params])
        # paths may hold lone surrogates; JSON escapes them
        digest = hashlib.sha256(text.encode()).hexdigest()[:NUM_DIGITS]
        return digest if self.fence is None else f"{digest}.{self.fence}"


def params_digest(params: Mapping[str, Any] | None) -> str:
    """Return a digest of a tagger's params; "" for None. The order of keys does not matter."""
    if params is None:
        return ""
    text = json.dumps(params, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:NUM_DIGITS]
