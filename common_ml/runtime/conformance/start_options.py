"""How a tagger is started for a trial."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class StartOptions:
    """How a tagger is started for a trial."""

    params: str | None = None
    """The value of `--params`; None leaves it out."""
    arguments: tuple[str, ...] = ()
    """More arguments."""
    existing: bytes = b""
    """What the output file holds already."""
    own_directory: bool = False
    """Whether it starts in the folder of its program, and not in one of the runtime's."""
    network: bool = True
    """Whether a container has one."""


def params_text(base: Mapping[str, object] | None, **more: object) -> str | None:
    """`--params` of the user's, with more keys; None if there are none at all."""
    merged = {**(base or {}), **more}
    return json.dumps(merged) if merged or base is not None else None
