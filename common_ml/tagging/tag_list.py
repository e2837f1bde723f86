"""The tags of some files as a list that can be saved, tabulated and shown."""

from __future__ import annotations

import html
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

from common_ml.errors import CommonMLError, MessageError
from common_ml.tagging.confidence import confidence_of
from common_ml.tagging.job.log import escaped_name
from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.tags_file.writer import output_error
from common_ml.tagging.wire import encode, read_messages
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

MAX_SHOWN = 20
"""Tags in the text and the table that stand for a list."""
_MAX_TEXT = 40
"""Characters of a label there."""
_COLUMNS = ("source_media", "start_time", "end_time", "track", "tag")


class Tags(Sequence[Tag]):
    """The tags of some files, in the order in which they were written.

    A sequence: `tags[0]`, `len(tags)`, `for tag in tags`; a slice is one as well. A notebook shows
    it as a table, `common_ml.show(tags)` as a page with the media.
    """

    def __init__(self, messages: Iterable[Message]) -> None:
        """Take the messages of a tagger.

        Args:
            messages: Tags, and all else that the tagger wrote.
        """
        self.messages = list(messages)
        """All messages, `Progress` and `Error` among them."""
        self._tags = [message for message in self.messages if isinstance(message, Tag)]

    @classmethod
    def read(cls, path: StrPath) -> Tags:
        """Read a tags file.

        Raises:
            OSError: it cannot be read.
            WireError: a line is not a message.
        """
        with read_messages(path) as messages:
            return cls(messages)

    @overload
    def __getitem__(self, place: int) -> Tag: ...
    @overload
    def __getitem__(self, place: slice) -> Tags: ...
    def __getitem__(self, place: int | slice) -> Tag | Tags:
        return Tags(self._tags[place]) if isinstance(place, slice) else self._tags[place]

    def __len__(self) -> int:
        return len(self._tags)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Tags):
            return self.messages == other.messages
        return self._tags == other if isinstance(other, list) else NotImplemented

    __hash__ = None  # type: ignore[assignment] # as of a list

    @property
    def errors(self) -> list[Error]:
        """What failed; empty unless `continue_on_error` was on."""
        return [message for message in self.messages if isinstance(message, Error)]

    @property
    def files(self) -> list[str]:
        """The files that messages are about, each once, in order."""
        named = (getattr(message, "source_media", None) for message in self.messages)
        return [*dict.fromkeys(file for file in named if file)]

    def save(self, path: StrPath) -> None:
        """Write a tags file, as a tagger does; an existing file is replaced.

        A file with tags and without an outcome gets its `progress`, so that `common-ml view`,
        `diff` and `data` take it as complete.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            with replacing(path) as file:
                for message in [*self.messages, *self._missing_outcomes()]:
                    file.write(encode(message))
        except MessageError:
            raise
        except (OSError, ValueError) as error:  # ValueError: a NUL in the path
            raise output_error("written", os.fspath(path), error) from error

    def to_pandas(self) -> pd.DataFrame:
        """Return a data frame with a row for each tag.

        Columns: `source_media`, `start_time` and `end_time` in milliseconds, `track`, `tag`,
        `confidence` (0..1, missing without one), `frame_idx` (missing for a time range), `x1`,
        `y1`, `x2`, `y2` (0..1, missing without a box), `additional_info`, `vector`.

        Raises:
            CommonMLError: pandas is not installed.
        """
        try:
            import pandas as pd
        except ModuleNotFoundError as error:
            raise CommonMLError("to_pandas needs pandas; hint: pip install pandas") from error
        table = pd.DataFrame([_row(tag) for tag in self._tags], columns=[*_ROW_COLUMNS])
        return table.astype({"frame_idx": "Int64"})  # with missing values

    def __repr__(self) -> str:
        lines = [self._headline()]
        for file, start, end, track, text in map(_cells, self._tags[:MAX_SHOWN]):
            named = f"{track}: {text}" if track else text
            lines.append(f"  {file}  {start:>9}  {end:>9}  {named}")
        if len(self) > MAX_SHOWN:
            lines.append(f"  and {len(self) - MAX_SHOWN:,} more")
        lines += [f"  error: {_about(error)}" for error in self.errors[:MAX_SHOWN]]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        """Return a table for notebooks: the first tags, times as seconds."""
        heads = "".join(f"<th>{head}</th>" for head in ("file", "start", "end", "track", "tag"))
        rows = [
            "".join(f"<td>{html.escape(cell)}</td>" for cell in _cells(tag))
            for tag in self._tags[:MAX_SHOWN]
        ]
        if len(self) > MAX_SHOWN:
            rows.append(f'<td colspan="5">and {len(self) - MAX_SHOWN:,} more</td>')
        rows += [
            f'<td colspan="5"><b>error:</b> {html.escape(_about(error))}</td>'
            for error in self.errors[:MAX_SHOWN]
        ]
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        table = f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
        return f"<p>{html.escape(self._headline())}</p>{table}"

    def _headline(self) -> str:
        failed = f", {_counted(len(self.errors), 'error')}" if self.errors else ""
        tags, files = _counted(len(self), "tag"), _counted(len(self.files), "file")
        return f"{tags} of {files}{failed}"

    def _missing_outcomes(self) -> list[Progress]:
        ended = {
            message.source_media
            for message in self.messages
            if isinstance(message, (Progress, Error))
        }
        return [Progress(file) for file in self.files if file not in ended]


_ROW_COLUMNS = (
    *_COLUMNS,
    "confidence",
    "frame_idx",
    *("x1", "y1", "x2", "y2"),
    "additional_info",
    "vector",
)


def _row(tag: Tag) -> tuple[Any, ...]:
    frame = tag.frame_info
    box = frame.box if frame is not None and frame.box is not None else {}
    return (
        *(getattr(tag, column) for column in _COLUMNS),
        confidence_of(tag.additional_info),
        None if frame is None else frame.frame_idx,
        *(box.get(key) for key in ("x1", "y1", "x2", "y2")),
        tag.additional_info,
        tag.vector,
    )


def _cells(tag: Tag) -> tuple[str, str, str, str, str]:
    """Return file, start and end in seconds, track and label of a tag."""
    start, end = (f"{time / 1000:.3f}" for time in (tag.start_time, tag.end_time))
    file = escaped_name(tag.source_media)
    if len(file) > _MAX_TEXT:  # its end tells files apart
        file = f"…{file[1 - _MAX_TEXT :]}"
    return file, start, end, _short(tag.track), _short(tag.tag)


def _short(text: str) -> str:
    shown = escaped_name(text)
    return shown if len(shown) <= _MAX_TEXT else f"{shown[: _MAX_TEXT - 1]}…"


def _about(error: Error) -> str:
    about = f"{error.source_media}: " if error.source_media else ""
    return escaped_name(f"{about}{error.message}")


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
