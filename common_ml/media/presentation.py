"""Crop and colours that a container states for its video stream."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common_ml.media.geometry import UNCROPPED, Crop
from common_ml.media.hdr import UNTAGGED, ColourTags

if TYPE_CHECKING:
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

    from common_ml.media.media_file import FileHead


@dataclass(frozen=True)
class Presentation:
    """Crop and colours of all pictures of a stream."""

    crop: Crop = UNCROPPED
    """Crop of the container; the decoder applies that of the bitstream."""
    tags: ColourTags = UNTAGGED
    """Colours of the stream: PyAV before 17 does not give those of a picture."""

    def colour_tags(self, frame: VideoFrame) -> ColourTags:
        """Return how the colours of a picture are coded."""
        transfer = getattr(frame, "color_trc", self.tags.transfer)
        primaries = getattr(frame, "color_primaries", self.tags.primaries)
        return ColourTags(int(transfer), int(primaries))


AS_STORED = Presentation()


def presentation_of(head: FileHead, stream: VideoStream) -> Presentation:
    """Return the crop and colours of a stream.

    Args:
        head: Of its file.
        stream: One with a decoder.
    """
    context = stream.codec_context
    crop = Crop(*head.crops[stream.index]) if stream.index in head.crops else UNCROPPED
    return Presentation(crop, ColourTags(int(context.color_trc), int(context.color_primaries)))
