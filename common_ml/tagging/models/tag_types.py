"""The output of a frame model, `FrameTag`; `Tag` and `FrameInfo` by their old address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from common_ml.tagging import field_values, messages
from common_ml.tagging.confidence import checked_confidence, with_confidence
from common_ml.tagging.messages import *  # noqa: F403 - existing repos import these names from here

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FrameTag"]
__all__ += messages.__all__


@dataclass(frozen=True, init=False)
class FrameTag:
    """A label for one image.

    Raises:
        MessageError: a value of the wrong type.
    """

    tag: str = ""
    """The label."""
    box: dict[str, float] | None = None
    """`x1`, `y1`, `x2`, `y2`, each 0..1 of the width or height, from the top left corner."""
    additional_info: dict[str, Any] | None = None
    """A dict that can be encoded as a JSON object."""
    vector: list[float] | None = None
    """An embedding; a tuple, array or tensor is converted to a list."""
    track: str = ""
    """Name of the track that the tag belongs to; "" is the default track."""
    confidence: float | None = None
    """0..1; it becomes `additional_info["confidence"]` of the tag."""

    def to_tag(self, **fields: Any) -> messages.Tag:
        """Return a `Tag` with the label, additional info, vector, track and confidence of this one.

        Args:
            fields: The other fields of a `Tag`: times, `source_media`, `frame_info`; also those
                that are to be different.
        """
        own = {"tag": self.tag, "track": self.track, "vector": self.vector}
        return messages.Tag(**{**own, "additional_info": self.info(), **fields})

    def info(self) -> dict[str, Any] | None:
        """Return the additional info of the tag, with the confidence where there is one."""
        if self.confidence is None:
            return self.additional_info
        return with_confidence(self.additional_info, self.confidence)

    def __init__(
        self,
        tag: str = "",
        box: Mapping[str, Any] | None = None,
        additional_info: Mapping[str, Any] | None = None,
        vector: Any = None,
        track: str = "",
        confidence: float | None = None,
    ) -> None:
        if type(tag) is not str:
            tag = field_values.text(tag, "tag")
        if box is not None:
            box = field_values.box(box, "box")
        if additional_info is not None and type(additional_info) is not dict:
            additional_info = field_values.additional_info(additional_info, "additional_info")
        if vector is not None:
            vector = field_values.vector(vector, "vector")
        if type(track) is not str:
            track = field_values.text(track, "track")
        if confidence is not None:
            confidence = checked_confidence(confidence)
        fields = self.__dict__  # frozen: bypasses __setattr__
        fields["tag"] = tag
        fields["box"] = box
        fields["additional_info"] = additional_info
        fields["vector"] = vector
        fields["track"] = track
        fields["confidence"] = confidence
