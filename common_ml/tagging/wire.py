"""Encode, decode, write and read messages: the public address of the wire format."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.tagging.tags_file.codec import WIRE_NAMES, decode, encode
from common_ml.tagging.tags_file.reader import Reader, read_messages
from common_ml.tagging.tags_file.writer import Writer

if TYPE_CHECKING:
    from typing import TextIO

    from common_ml.tagging.messages import Message

__all__ = ["WIRE_NAMES", "Reader", "Writer", "decode", "encode", "read_messages", "write_message"]


def write_message(msg: Message, fout: TextIO) -> None:
    """Write one message to a text file object in one write, and flush it.

    Raises:
        MessageError: the message cannot be encoded; nothing is written.
    """
    fout.write(encode(msg).decode())
    fout.flush()
