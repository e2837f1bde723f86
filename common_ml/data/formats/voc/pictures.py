"""Find the picture of a Pascal VOC document."""

from __future__ import annotations

import glob
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from common_ml.data.formats.shared.named_paths import is_file
from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from common_ml.data.formats.shared.policy import ErrorPolicy

OTHER_NAME = "picture that is not there under its name: the one named like the document"


def picture_of(
    source: Path, document: Path, name: str, whole_path: str, policy: ErrorPolicy
) -> Path | None:
    """Return the picture of a document, which its name or that of the document may tell.

    Args:
        source: The dataset's folder, or the document.
        document: The XML file.
        name: The picture's name in it; "" for none.
        whole_path: The picture's path in it, probably of another machine.
        policy: Counts pictures that have another name.
    """
    if Path(name).is_absolute() and is_file(Path(name)):
        return None
    folders = (source / "JPEGImages", document.parent)
    last = PurePosixPath(name.replace("\\", "/")).name
    if name:
        places = [folder / one for one in (name, last) for folder in folders] + [Path(whole_path)]
        found = next((one for one in places if is_file(one)), None)
        if found is not None:
            return found
    # tools leave the ending out, or the name, or pictures were renamed with their documents
    for folder in folders:
        for stem in dict.fromkeys((last or document.stem, document.stem)):
            for one in sorted(folder.glob(f"{glob.escape(stem)}.*")):
                if kind_by_name(one.name) == "image":
                    if PurePosixPath(last).suffix and one.stem != PurePosixPath(last).stem:
                        policy.repair(OTHER_NAME)
                    return one
    return None
