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

import os
import re
from dataclasses import replace
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common_ml.data.formats.atomic import replacing, staging
from common_ml.data.formats.items import Item
from common_ml.data.formats.pixels import file_name, kind_of
from common_ml.data.record import Annotation, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

NAME = "webvtt"

_OURS = "NOTE common-ml "
_TIME = r"((?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3})"
_TIMING = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?")
_VOICE = re.compile(r"<v(?:\.[^\s>]*)?(?:[ \t\n]([^>]*))?>")
_MARKUP = re.compile(r"<[^>]*>")


def read(source: str | os.PathLike[str], *, media: str = "") -> Iterator[Record]:
    """One record for each file.

    Args:
        source: A file, or a folder, whose `.vtt` files are read in order of name.
        media: Path or address of what a file's times are of, where the file does not say it; else
            its name without `.vtt`.

    Raises:
        FormatError: a file is no WebVTT, or a time makes no sense; with the line.
        OSError: a file cannot be read.
    """
    path = Path(source)
    files = sorted(path.glob("*.vtt")) if path.is_dir() else [path]
    if not files:
        raise FormatError(f"{os.fspath(path)}: there is no .vtt file in this folder", path=path)
    if media and len(files) > 1:
        raise FormatError(
            f"{os.fspath(path)}: one media cannot belong to {len(files)} files", path=path
        )
    for file in files:
        yield _read_file(file, media)


def write(records: Iterable[Record], target: str | os.PathLike[str]) -> Report:
    """Write the times of records.

    Args:
        records: Videos and sounds.
        target: A file that ends in `.vtt` for one record, or a folder for any number: there each
            gets the name of its media, with a number behind it where that is taken.

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
            (folder / f"{name}.vtt").write_bytes(text)
            report.written += 1
    return report


def _read_file(path: Path, media: str) -> Record:
    lines = _lines(path)
    if not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise _error(path, 1, f"must begin with WEBVTT, got {lines[0]!r:.40}")
    about: dict[str, Any] = {}
    annotations: list[Annotation] = []
    for number, block in _blocks(lines):
        if block[0].startswith(_OURS):
            about = _about(path, number, block)
        elif any("-->" in line for line in block[:2]):
            annotations += _cue(path, number, block)
        # all else is a comment, a style, a region, or something of a later WebVTT
    place = Item({}, os.fspath(path), "line 1")
    known = media or os.fspath(path.with_suffix(""))
    with place.building():
        record = Record.from_json({"media": known, **({} if media else about)})
        kind = record.kind or kind_of(record.media)
        return replace(record, kind=kind, annotations=tuple(annotations))


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _error(path, line, "is no UTF-8") from error
    return re.split(r"\r\n|\r|\n", text)


def _blocks(lines: list[str]) -> Iterator[tuple[int, list[str]]]:
    """Neighbouring lines that are not empty, behind the header, with the number of the first."""
    block: list[str] = []
    begun = not lines[0]
    for number, line in enumerate([*lines[1:], ""], 2):
        if line:
            block.append(line)
            continue
        if block and begun:
            yield number - len(block), block
        block, begun = [], True


def _about(path: Path, number: int, block: list[str]) -> dict[str, Any]:
    try:
        about = orjson.loads(block[0][len(_OURS) :])
    except orjson.JSONDecodeError as error:
        raise _error(path, number, f"comment of common-ml is not JSON: {error.msg}") from error
    if not isinstance(about, dict):
        raise _error(path, number, "comment of common-ml is no object")
    return about


def _cue(path: Path, number: int, block: list[str]) -> Iterator[Annotation]:
    first = 0 if "-->" in block[0] else 1  # a cue's name stands before its times
    timing = _TIMING.fullmatch(block[first].strip())
    line = number + first
    if timing is None:
        raise _error(path, line, f"must be HH:MM:SS.mmm --> HH:MM:SS.mmm, got {block[first]!r:.60}")
    start, end = (_seconds(one) for one in timing.groups())
    if end <= start:
        raise _error(path, line, f"must end after its start, got {block[first]!r:.60}")
    for track, label in _voices("\n".join(block[first + 1 :])):
        yield Annotation(label, track=track, start_seconds=start, end_seconds=end)


def _voices(payload: str) -> Iterator[tuple[str, str]]:
    """Track and label of each voice; text before the first one has the default track."""
    before, *parts = _VOICE.split(payload)
    if before or not parts:
        yield "", _plain(before)
    for name, text in zip(parts[::2], parts[1::2], strict=True):
        yield " ".join(unescape(name or "").split()), _plain(text)


def _plain(text: str) -> str:
    return unescape(_MARKUP.sub("", text))


def _seconds(time: str) -> float:
    *hours, minutes, seconds = time.split(":")
    whole, milliseconds = seconds.split(".")
    total = (int(hours[0] if hours else 0) * 60 + int(minutes)) * 60 + int(whole)
    return (total * 1000 + int(milliseconds)) / 1000


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
        # `>` cannot stand in a comment behind `--`
        note = _OURS + orjson.dumps(about).decode().replace(">", "\\u003e")
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
