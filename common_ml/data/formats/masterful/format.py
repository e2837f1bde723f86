"""Masterful: `records.csv` and `label_map.csv` in a folder, for one of three tasks.

No header, separator `, `. A line of records is `path, id, id, ...` for image_classification,
`path, id, ymin, xmin, ymax, xmax, id, ymin, ...` in whole pixels for object_detection, and
`path, mask_path` for semantic_segmentation, where the mask is a picture of one channel of ids with
0 for background. A line of the label map is `id, label`.

Kept: the path; which labels there are; boxes, their sides cut to whole pixels (top, left, height
and width each by itself, as the original does); label masks, exactly, as PNG.
Lost: everything else; what is absent (value 0).

Skipped, each with a warning: a record with a comma, a line break or blanks at an end of its path or
of one of its labels, for those cannot be written; for detection a record with any geometry but
boxes (`keep_boxes` keeps its boxes), or whose size is needed and not known; for segmentation a
record without masks.

Ids: from 0, the place in the sorted union of `metadata["classes"]` and labels of all records that
are written. Where all of these come from label images, the numbers that labels have there
(`attributes["index"]`): for several instances of a label the first one's, and a free one where
another label has it. For segmentation 0 is background, and without label images ids are from 1.
Label images are renumbered while they are downloaded; left in place, they must have these ids.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from common_ml.data.formats.masterful import reader
from common_ml.data.formats.masterful.entries import Entry, Refusal, Task, entry_of
from common_ml.data.formats.masterful.files import Files
from common_ml.data.formats.masterful.ids import assign_ids
from common_ml.data.formats.masterful.lines import line_of
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.report import Report
from common_ml.data.splitting import split_by_group
from common_ml.utils.whole_file import staging

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.types import StrPath

NAME = "masterful"

MaskFormat = Literal["png", "jpg"]
logger = logging.getLogger(__name__)


def read(
    source: StrPath,
    *,
    task: Task,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the records of a folder, in order. Boxes become 0..1 where the picture is found.

    Args:
        source: The folder.
        task: What the lines mean.
        on_error: Whether a line or annotation that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the pictures are.
        download: Fetch pictures from addresses that are not found there.

    Raises:
        FormatError: an invalid line, with its number.
        OSError: a file cannot be read.
    """
    _check_task(task)
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    return reader.records(Path(source), task, policy, media)


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    task: Task,
    labels: Sequence[str] = (),
    keep_boxes: bool = False,
    download_images: bool = False,
    mask_format: MaskFormat = "png",
    split: Mapping[str, float] | None = None,
    seed: int = 0,
    media_root: StrPath | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Write `records.csv`, `label_map.csv` and, if wanted or needed, pictures and masks.

    Args:
        records: Pictures.
        target: A folder, created if it is missing.
        task: What to write of them.
        labels: All labels in the order of their ids; by default see the top of this file.
        keep_boxes: Detection: leave out other geometries instead of their records.
        download_images: Fetch (or copy) pictures into `images/`, with names of their own, and
            label masks beside them as `<name>_label.png`; several at a time.
        mask_format: "jpg" is lossy, and corrupts ids: only for tools that cannot read PNG.
        split: Shares of parts, such as {"train": 0.8, "val": 0.1, "test": 0.1}: each becomes a
            folder in `target`, complete in itself. Records of one picture stay together.
        seed: The same seed always gives the same parts.
        media_root: Where pictures and label images are.
        on_progress: Called with the number of finished records, and the total.

    Raises:
        OSError: a file cannot be written; nothing of the target has changed.
        ValueError: an invalid option.
    """
    _check_task(task)
    report = Report()
    if mask_format == "jpg":
        _warn(report, "JPEG masks are lossy: class ids will be wrong along edges; use PNG")
    media = MediaFiles(media_root)
    entries = list(_entries(records, task, media, report, keep_boxes=keep_boxes))
    ids = assign_ids(entries, task, labels)
    for label in ids.unwritable():
        _warn(report, f"label {label!r} is not in label_map.csv: a comma cannot be written")
    with staging(target) as stage:
        done = 0
        for name, part in _parts(entries, split, seed).items():
            folder = stage / name
            folder.mkdir(exist_ok=True)
            files = Files(folder, ids, mask_format, media, fetch_images=download_images)
            lines = []
            for entry, outcome in files.collected(part):
                done += 1
                if on_progress is not None:
                    on_progress(done, len(entries))
                if isinstance(outcome, Refusal):
                    _skip(report, entry, outcome)
                else:
                    lines.append(line_of(entry, outcome, ids))
            (folder / "records.csv").write_text("".join(lines), encoding="utf-8")
            (folder / "label_map.csv").write_text(ids.label_map(), encoding="utf-8")
            report.written += len(lines)
    return report


def _check_task(task: str) -> None:
    if task not in get_args(Task):
        raise ValueError(f"task must be one of {', '.join(get_args(Task))}, got {task!r}")


def _entries(
    records: Iterable[Record],
    task: Task,
    media: MediaFiles,
    report: Report,
    *,
    keep_boxes: bool,
) -> Iterator[Entry]:
    for record in records:
        made = entry_of(record, task, media, keep_boxes=keep_boxes)
        if isinstance(made, Refusal):
            _warn_skipped(report, record.id, made.reason)
            continue
        for warning in made.warnings:
            _warn(report, warning)
        yield made


def _parts(
    entries: Sequence[Entry], split: Mapping[str, float] | None, seed: int
) -> dict[str, list[Entry]]:
    if split is None:
        return {"": list(entries)}
    parts = split_by_group([entry.group for entry in entries], split, seed)
    found: dict[str, list[Entry]] = defaultdict(list, {name: [] for name in split})
    for entry, part in zip(entries, parts, strict=True):
        found[part].append(entry)
    return found


def _skip(report: Report, entry: Entry, refusal: Refusal) -> None:
    _warn_skipped(report, entry.id, refusal.reason)


def _warn_skipped(report: Report, what: str, reason: str) -> None:
    report.skip(what, reason)
    logger.warning("skipped %s: %s", what, reason)


def _warn(report: Report, warning: str) -> None:
    report.warn(warning)
    logger.warning("%s", warning)
