r"""WebVTT: time tags as subtitles, one file for each video or sound.

Read: a `.vtt` file, or all of a folder. A cue is an annotation with its time range; its text is the
label, lines and all, without markup; a voice (`<v name>`) is the track, and a cue with several
voices is several annotations. Cue names, settings, styles and regions are left out.

Kept: label, track, times to the millisecond, in order of start; in a comment of ours: media, kind,
size, duration, metadata and id of the record.
Lost: confidence, attributes, vectors, boxes and other places (with a warning); blanks at the ends
of track names. Skipped: what is absent (value 0), what has no time or lasts less than a
millisecond, and labels with NUL, which WebVTT cannot hold.
"""

from __future__ import annotations

import logging
import os
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.items import Item
from common_ml.data.formats.shared.json_file import parse_json, place_of
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.media_names import file_name, kind_of
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.formats.webvtt.blocks import (
    Block,
    blocks_of,
    from_subrip,
    is_header,
    is_subrip,
    lines_of,
    times_of,
)
from common_ml.data.json_text import json_bytes
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from common_ml.utils.whole_file import replacing, staging

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.types import StrPath

NAME = "webvtt"

logger = logging.getLogger(__name__)

_OURS = "NOTE common-ml "
_MAX_NAME_BYTES = 240
"""File systems allow 255 bytes, extension included."""
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?(?:[ \t\n]([^>]*))?>")
_MARKUP = re.compile(r"<[^>]*>")


def read(
    source: StrPath,
    *,
    media: str = "",
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield one record for each file.

    A cue with invalid times, or whose end is not after its start, is left out with a warning, as
    browsers do.

    Args:
        source: A file, or a folder, whose `.vtt` files are read in order of name.
        media: Path or URL of the media where the file does not name it; by default the file's
            name without `.vtt`.
        on_error: Whether a file of a folder that cannot be used ends the reading or is left out.
        report: Receives what is left out.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: a file is not WebVTT; with the line.
        OSError: a file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    path = Path(source)
    files = data_files(path, "*.vtt") if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{os.fspath(path)}: there is no .vtt file in this folder", path=path)
    if media and len(files) > 1:
        raise FormatError(
            f"{os.fspath(path)}: one media cannot belong to {len(files)} files", path=path
        )
    found = MediaFiles(media_root, download=download, policy=policy)
    return _records(files, media, policy, found)


def _records(
    files: list[Path], media: str, policy: ErrorPolicy, found: MediaFiles
) -> Iterator[Record]:
    for file in files:
        record = None
        with policy:
            record = found.finished(_read_file(file, media, policy.report))
        if record is not None:
            yield record


def write(records: Iterable[Record], target: StrPath) -> Report:
    """Write the times of records.

    Args:
        records: Videos and sounds.
        target: A file that ends in `.vtt` for one record, or a folder for any number: there each
            gets the name of its media, with a number where that is taken.

    Raises:
        FormatError: more than one record for a single file.
        OSError: a file cannot be written; nothing of the target has changed.
    """
    report = Report()
    if Path(target).suffix.lower() == ".vtt":
        texts = list(_texts(records, report))
        if len(texts) > 1:
            raise FormatError(
                f"{os.fspath(target)}: {len(texts)} records do not fit into one file: "
                "name a folder, without .vtt",
                path=target,
            )
        if texts:
            with replacing(target) as file:
                file.write(texts[0][1])
            report.written = 1
        return report
    taken: set[str] = set()
    with staging(target) as folder:
        for record, text in _texts(records, report):
            name = _free_name(Path(file_name(record.media) or "media").stem, taken)
            if len(os.fsencode(name)) > _MAX_NAME_BYTES:
                report.skip(record.id, "its name is too long for a file")
                continue
            (folder / f"{name}.vtt").write_bytes(text)
            report.written += 1
    return report


def _read_file(path: Path, media: str, report: Report) -> Record:
    text = _text(path)
    lines = lines_of(text)
    if is_subrip(text):
        lines = from_subrip(lines)
    if not is_header(lines[0]):
        raise _error(path, 1, f"must begin with WEBVTT, got {lines[0]!r:.40}")
    about: dict[str, Any] = {}
    annotations: list[Annotation] = []
    for block in blocks_of(lines):
        if block.timing is not None:
            annotations += _cue(path, block, report)
        elif block.text.startswith(_OURS):
            about = _about(path, block)
        # anything else is a comment, a style, a region, or from a later WebVTT
    place = Item({}, os.fspath(path), "line 1")
    known = media or os.fspath(path.with_suffix(""))
    with place.building():
        record = Record.from_json({"media": known, **({} if media else about)})
        kind = record.kind or kind_of(record.media)
        return replace(record, kind=kind, annotations=tuple(annotations))


def _text(path: Path) -> str:
    content = path.read_bytes()
    raise_if_packed(content, os.fspath(path))
    content = as_utf8(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        line, column = 1, 1
        try:
            content.decode("utf-8")
        except UnicodeDecodeError as error:
            line, column = place_of(content, error.start)
        problem = f"column {column}: not UTF-8: these bytes cannot be decoded"
        raise _error(path, line, problem) from None


def _about(path: Path, block: Block) -> dict[str, Any]:
    try:
        about = parse_json(block.text.partition("\n")[0][len(_OURS) :].encode(), os.fspath(path))
    except FormatError as error:
        raise _error(path, block.line, "comment of common-ml is not valid JSON") from error
    if not isinstance(about, dict):
        raise _error(path, block.line, "comment of common-ml is not an object")
    return about


def _cue(path: Path, block: Block, report: Report) -> Iterator[Annotation]:
    assert block.timing is not None  # noqa: S101 - the caller has looked
    times = times_of(block.timing)
    problem = ""
    if times is None:
        problem = f"must be HH:MM:SS.mmm --> HH:MM:SS.mmm, got {block.timing!r:.60}"
    elif times[1] <= times[0]:
        problem = f"must end after its start, got {block.timing!r:.60}"
    if times is None or problem:
        place = f"line {block.line}"
        report.skip(f"{path.name}: {place}", f"cue {problem}", place=place)
        logger.warning("%s: %s: cue left out: %s", path, place, problem)
        return
    for track, label in _voices(block.text):
        yield Annotation(label, track=track, start_seconds=times[0], end_seconds=times[1])


def _voices(payload: str) -> Iterator[tuple[str, str]]:
    """Yield track and label of each voice; text before the first one has the default track."""
    before, *parts = _VOICE.split(payload)
    if before or not parts:
        yield "", _plain(before)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        yield " ".join(unescape(name or "").split()), _plain(text)


def _plain(text: str) -> str:
    return unescape(_MARKUP.sub("", text))


def _error(path: Path, line: int, problem: str) -> FormatError:
    place = f"line {line}"
    return FormatError(f"{os.fspath(path)}: {place}: {problem}", path=path, place=place)


def _texts(records: Iterable[Record], report: Report) -> Iterator[tuple[Record, bytes]]:
    for record in records:
        if (record.kind or kind_of(record.media)) == "image":
            report.skip(record.id, "is a picture, and subtitles need time")
            continue
        if record.frame_index is not None:
            report.skip(record.id, "is one frame, and subtitles need a time range")
            continue
        cues = sorted(_cues(record, report), key=lambda cue: cue[:2])
        about = replace(record, annotations=()).to_json()
        # a comment must not contain `-->`
        note = _OURS + json_bytes(about).decode().replace(">", "\\u003e")
        blocks = ["WEBVTT", note, *(text for *_, text in cues)]
        yield record, ("\n\n".join(blocks) + "\n").encode()


def _cues(record: Record, report: Report) -> Iterator[tuple[int, int, str]]:
    untimed = brief = 0
    for annotation in record.annotations:
        end = annotation.end_seconds
        if end is None:
            end = record.duration_seconds
        if annotation.value == 0 or "\0" in annotation.label:
            reason = "is absent" if annotation.value == 0 else "holds a NUL"
            report.skip(record.id, f"{annotation.label!r} {reason}")
        elif annotation.start_seconds is None or end is None:
            untimed += 1
        elif round(end * 1000) <= round(annotation.start_seconds * 1000):
            brief += 1
        else:
            _warn_of_losses(annotation, report)
            start_ms, end_ms = round(annotation.start_seconds * 1000), round(end * 1000)
            text = f"{_stamp(start_ms)} --> {_stamp(end_ms)}\n{_payload(annotation)}"
            yield start_ms, end_ms, text
    if untimed:
        report.skip(record.id, f"{untimed} of its annotations have no time range")
    if brief:
        report.skip(record.id, f"{brief} of its annotations last less than a millisecond")


def _warn_of_losses(annotation: Annotation, report: Report) -> None:
    for name in ("confidence", "box", "polygon", "mask", "frame_index", "vector"):
        if getattr(annotation, name) is not None:
            report.warn(f"{name} of annotations is not kept")
    if annotation.attributes:
        report.warn("attributes of annotations are not kept")
    if " ".join(annotation.track.split()) != annotation.track:
        report.warn(f"blanks in track names are not kept, such as {annotation.track!r}")


def _stamp(milliseconds: int) -> str:
    seconds, rest = divmod(milliseconds, 1000)
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:03}"


def _payload(annotation: Annotation) -> str:
    label = _escaped(annotation.label).replace("\r", "&#13;")
    if "\n\n" in f"\n{label}\n":  # an empty line would end the cue
        label = label.replace("\n", "&#10;")
    track = _escaped(" ".join(annotation.track.split()))
    return f"<v {track}>{label}" if track else label


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _free_name(stem: str, taken: set[str]) -> str:
    name, number = stem, 1
    while name.lower() in taken:
        number += 1
        name = f"{stem}_{number}"
    taken.add(name.lower())
    return name
