"""What a frame model returns: `FrameTag`; and `Tag`, `FrameInfo` by their old address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.tagging import checks, messages
from common_ml.tagging.messages import *  # noqa: F403 - existing repos take all of it from here

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FrameTag"]
__all__ += messages.__all__


@dataclass(frozen=True, init=False)
class FrameTag:
    """Something that a model has found in one picture.

    Raises:
        MessageError: a value of the wrong type.
    """

    tag: str = ""
    """What was found."""
    box: dict[str, float] | None = None
    """`x1`, `y1`, `x2`, `y2`, each 0..1 of the width or height, from the top left corner."""
    additional_info: dict[str, Any] | None = None
    """Anything that can be written as a JSON object."""
    vector: list[float] | None = None
    """An embedding; made from a tuple, array or tensor too."""

    def __init__(
        self,
        tag: str = "",
        box: Mapping[str, Any] | None = None,
        additional_info: Mapping[str, Any] | None = None,
        vector: Any = None,
    ) -> None:
        if type(tag) is not str:
            tag = checks.text(tag, "tag")
        if box is not None:
            box = checks.box(box, "box")
        if additional_info is not None and type(additional_info) is not dict:
            additional_info = checks.additional_info(additional_info, "additional_info")
        if vector is not None:
            vector = checks.vector(vector, "vector")
        fields = self.__dict__  # frozen: set behind __setattr__
        fields["tag"] = tag
        fields["box"] = box
        fields["additional_info"] = additional_info
        fields["vector"] = vector
