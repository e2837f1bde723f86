"""CVAT: one XML file for the images, or for the video, of a task or of the tasks of a project.

Read: `<image>` elements with their shapes and tags become a record each; `<track>` elements one
record of the video, with an annotation for each frame that an object is in (`outside="0"`), its
`frame_index`, and the track's id as `track`. CVAT writes the frames between keyframes out; what
is not in the file is not interpolated. In a project's file each track is of its task's video, which
is named like the task, and its frames, numbered through in the file, are counted from that video's
first; pictures whose names are not unique are named with their subset or task.

Kept: picture, size, id, subset (as `metadata["split"]`), task of a project (`metadata["task"]`);
label, box, polygon, mask, `<attribute>`s, numbers as numbers and true and false as such;
`occluded`, `keyframe`, `z_order`, `group_id` and `source` as attributes where they are not the
usual ones; polylines, points, ellipses, cuboids and rotated boxes (but for quarter turns) as
`attributes["geometry"]`; tags as labels without place.

Lost: skeletons when read, each named in the report; confidence, vectors, times (frames stay),
other metadata, nested attributes, with a
warning; names of tracks, which get numbers; a box beside a polygon or mask. A label that is
absent is skipped, and so are a mask of another size than its picture, and boxes, polygons and
masks of a video whose size is unknown (boxes and polygons in pixels are kept). Pictures and a
video do not fit into one file: videos are skipped if there are pictures, and all but the first if
there are several; in a video, annotations without frame are skipped.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from common_ml.data.formats.cvat.reader import Reader
from common_ml.data.formats.cvat.writer import picture_document, video_document
from common_ml.data.formats.shared.media import MediaFiles
from common_ml.data.formats.shared.media_names import kind_of
from common_ml.data.formats.shared.policy import ErrorPolicy
from common_ml.data.formats.shared.stills import stills
from common_ml.data.formats.shared.xml_file import load_xml, shown, write_xml
from common_ml.data.report import Report
from common_ml.utils.whole_file import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from common_ml.data.formats.shared.policy import OnError
    from common_ml.data.record import Record
    from common_ml.types import StrPath

NAME = "cvat"


def read(
    source: StrPath,
    *,
    on_error: OnError = "raise",
    report: Report | None = None,
    media_root: StrPath | None = None,
    download: bool = False,
) -> Iterator[Record]:
    """Yield the pictures of a file in order, or its videos.

    Args:
        source: The XML file.
        on_error: Whether a shape that cannot be used ends the reading or is left out.
        report: Receives what is left out and repaired.
        media_root: Where the media are.
        download: Fetch media from addresses that are not found there.

    Raises:
        FormatError: not such a file, or a wrong value.
        OSError: the file cannot be read.
    """
    policy = ErrorPolicy(on_error, report)
    media = MediaFiles(media_root, download=download, policy=policy)
    return Reader(load_xml(source), os.fspath(source), policy, media).records()


def write(
    records: Iterable[Record],
    target: StrPath,
    *,
    media_root: StrPath | None = None,
) -> Report:
    """Write the XML file: for images, or for video if there are no pictures.

    Args:
        records: Pictures, or one video, whole or frame by frame. Their sizes have to be known, or
            the pictures be found.
        target: The file.
        media_root: Where the media are.

    Raises:
        OSError: the file cannot be written; the old file is unchanged.
    """
    report = Report()
    media = MediaFiles(media_root)
    known = []
    for record in records:
        if shown(record.media).strip():
            known.append(record)
        else:
            report.skip(record.id, f"{record.media!r} is not a name that XML can hold")
    videos = [one for one in known if (one.kind or kind_of(one.media)) == "video"]
    if videos and len(videos) == len(known):
        root = video_document(videos, media, report)
    else:
        root = picture_document(stills(known, media, report, needs_size=True), report)
    with replacing(target) as file:
        write_xml(root, file)
    return report
