"""What a tagger says about a file, in short."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.tagging.messages import Progress, Tag

if TYPE_CHECKING:
    from common_ml.tagging.messages import Message


def messages_of(file: str, *texts: str) -> list[Message]:
    """Return a tag for each text, and the message that ends the file."""
    return [*(Tag(0, 1, text, file) for text in texts), Progress(file)]
