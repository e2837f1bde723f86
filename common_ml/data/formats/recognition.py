"""Detect the format of a source by its content.

A format is recognised by the keys of its JSON, the header of its table, its root element or its
first line; of a folder by the files in it. File names do not count.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.huggingface import image_folder
from common_ml.data.formats.shared.column_names import is_table
from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.json_file import parse_json
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.data.formats.shared.stray import data_files, has_data_file
from common_ml.data.formats.shared.tables import header_of
from common_ml.data.formats.webvtt.blocks import is_subrip
from common_ml.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable

    from common_ml.types import StrPath

TAGS = "tags"
"""Keys of common-ml's own tags files, which are not an outside format."""
_HEAD_BYTES = 1 << 20
_TAIL_BYTES = 1 << 16
_YOLO = (rb"^names\s*:", rb"^(?:train|val|path|nc)\s*:")
"""Keys of a YOLO dataset's YAML."""
_DARKNET = (rb"^classes\s*=", rb"^names\s*=")
"""Keys of Darknet's description."""
_SCHEMES = {"scale://": "scale", "diffgram://": "diffgram"}
_SPACE = b" \t\r\n\xef\xbb\xbf"


@dataclass(frozen=True)
class Outline:
    """Keys found at the beginning of a JSON file."""

    keys: frozenset[str] = frozenset()
    """Keys of the object; empty for a list."""
    first: Mapping[str, Any] = field(default_factory=dict)
    """First object of a list, as far as it was read."""
    firsts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """For an object: key -> the object, or the first object of the list, at that key."""


def recognise(source: StrPath) -> str:
    """Return the name of the format of a file, folder or URL.

    Raises:
        FormatError: none fits, or several do; with the candidates.
        OSError: the source cannot be read.
    """
    name = os.fspath(source)
    found = candidates(source)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(found)
        raise FormatError(f"{name}: could be any of {listed}; hint: name the format", path=name)
    if Path(name).is_file():
        with Path(name).open("rb") as file:
            raise_if_packed(file.read(_TAIL_BYTES), name)
    raise FormatError(
        f"{name}: its format is not recognised by its content; hint: name the format", path=name
    )


def candidates(source: StrPath) -> tuple[str, ...]:  # noqa: PLR0911 - one a kind
    """Return the names of all formats that match a source, sorted.

    Raises:
        OSError: the source cannot be read.
    """
    name = os.fspath(source)
    for scheme, found in _SCHEMES.items():
        if name.startswith(scheme):
            return (found,)
    path = Path(name)
    if path.is_dir():
        return tuple(sorted(one for one, fits in FOLDERS.items() if fits(path)))
    with path.open("rb") as file:
        raw = file.read(_HEAD_BYTES)
    head = as_utf8(raw)
    for magic, one in MAGIC.items():
        if head.startswith(magic):
            return (one,)
    if head.startswith(b"PAR1"):
        return _of_parquet(path)
    if is_subrip(head.decode("utf-8", "replace")):
        return ("webvtt",)
    start = head.lstrip(_SPACE)[:1]
    if start in (b"{", b"["):
        return _of_json(head, is_whole=len(raw) < _HEAD_BYTES)
    if start == b"<":
        text = head.decode("utf-8", "replace")
        return tuple(sorted(one for one, root in ROOTS.items() if re.search(root, text)))
    if any(
        all(re.search(pattern, head, flags=re.MULTILINE) for pattern in patterns)
        for patterns in (_YOLO, _DARKNET)
    ):
        return ("yolo",)
    return _of_table(path)


def _of_parquet(path: Path) -> tuple[str, ...]:
    """Detect by the columns in the Parquet footer; our own files are not a format."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read()
    return ("huggingface",) if b"objects" in tail or b'"info"' in tail else ()


def _of_json(head: bytes, *, is_whole: bool) -> tuple[str, ...]:
    line = head.partition(b"\n")[0]
    if re.match(rb'\s*\{\s*"type"\s*:\s*"(?:tag|progress|progress_ratio|error)"', line):
        return (TAGS,)
    outline = outline_of(head, is_whole=is_whole)
    return tuple(sorted(one for one, fits in JSON.items() if fits(outline)))


def _of_table(path: Path) -> tuple[str, ...]:
    try:
        given = header_of(path)
        columns = {*given, *map(str.lower, given)}
    except (FormatError, UnicodeError):
        return ()
    return tuple(sorted(one for one, fits in TABLES.items() if fits(columns)))


def outline_of(head: bytes, *, is_whole: bool) -> Outline:
    """Return the keys of a JSON file and of its first objects, from its beginning.

    Args:
        head: The beginning of the file.
        is_whole: Whether that is the whole file.
    """
    if is_whole:
        try:
            data = parse_json(head, "")
        except FormatError:  # what is wrong is for the reader to say
            return _Scanner(head).outline()
        if isinstance(data, list):
            return Outline(first=_first_object(data))
        if not isinstance(data, dict):
            return Outline()
        firsts = {str(key): _first_object(value) for key, value in data.items()}
        return Outline(frozenset(map(str, data)), firsts=firsts)
    return _Scanner(head).outline()


def _first_object(value: Any) -> Mapping[str, Any]:
    if isinstance(value, list):
        value = next((one for one in value if isinstance(one, dict)), None)
    return value if isinstance(value, dict) else {}


class _Scanner:
    """Parse the complete objects at the beginning of a JSON file, and keys of a partial one."""

    _TOKEN = re.compile(rb'"(?:[^"\\]|\\.)*"|[{}\[\]]')

    def __init__(self, head: bytes) -> None:
        self._head = head

    def outline(self) -> Outline:
        stack: list[bytes] = []
        starts: list[int] = []
        keys: list[str] = []
        firsts: dict[str, Mapping[str, Any]] = {}
        is_list = self._head.lstrip(_SPACE)[:1] == b"["
        for match in self._TOKEN.finditer(self._head):
            token = match.group()
            if token in (b"{", b"["):
                stack.append(token)
                starts.append(match.start())
            elif token in (b"}", b"]"):
                if not stack:
                    break
                start = starts.pop()
                opened = stack.pop()
                # an item of the list, or of a list in the object, or an object in the object
                is_first = opened == b"{" and len(stack) in ((1,) if is_list else (1, 2))
                key = "" if is_list or not keys else keys[-1]
                if is_first and key not in firsts:
                    firsts[key] = self._parsed(start, match.end())
                    if is_list:
                        return Outline(first=firsts[""])
            elif stack == [b"{"] and self._head[match.end() :].lstrip(_SPACE)[:1] == b":":
                keys.append(self._text(token))
        if is_list:  # an item of more than a megabyte: only its keys are known
            return Outline(first=dict.fromkeys(self._keys_at(2), None))
        return Outline(frozenset(keys), firsts=firsts)

    def _keys_at(self, depth: int) -> list[str]:
        found, level = [], 0
        for match in self._TOKEN.finditer(self._head):
            token = match.group()
            level += (token in (b"{", b"[")) - (token in (b"}", b"]"))
            is_key = self._head[match.end() : match.end() + 1].strip() in (b":", b"")
            if level == depth and token[:1] == b'"' and is_key:
                found.append(self._text(token))
        return found

    def _parsed(self, start: int, end: int) -> Mapping[str, Any]:
        try:
            value = parse_json(self._head[start:end], "")
        except FormatError:
            return {}
        return value if isinstance(value, dict) else {}

    @staticmethod
    def _text(token: bytes) -> str:
        return token[1:-1].decode("utf-8", "replace")


def _is_coco(found: Outline) -> bool:
    if "images" not in found.keys:
        return False
    image = found.firsts.get("images", {})
    return bool({"annotations", "categories"} & found.keys) or "file_name" in image


_MIN_KEYS = {"annotator", "annotation_id"}
"""Keys of Label Studio's exports JSON-MIN, CSV and TSV."""


def _is_labelstudio(found: Outline) -> bool:
    if "data" in found.keys and found.keys & {"annotations", "predictions"}:
        return "images" not in found.keys
    first = found.first
    if {"result", "task"} <= found.keys or first.keys() >= _MIN_KEYS:
        return True
    data = first.get("data")
    if "data" in first:
        media = isinstance(data, Mapping) and any(
            isinstance(data.get(key), Mapping) for key in ("image", "video", "audio")
        )
        return not media and "instance_list" not in first and "task_id" not in first
    return any(
        isinstance(one, list) and any(_is_region(item) for item in one) for one in first.values()
    )


def _is_region(value: Any) -> bool:
    """Whether it is the export JSON-MIN."""
    return isinstance(value, Mapping) and any(str(key).endswith("labels") for key in value)


def _is_clarifai(found: Outline) -> bool:
    item = found.firsts.get("inputs", {}) if "inputs" in found.keys else found.first
    data = item.get("data")
    return isinstance(data, Mapping) and any(
        isinstance(data.get(key), Mapping) for key in ("image", "video", "audio")
    )


def _is_fiftyone(found: Outline) -> bool:
    return "labels" in found.keys and not {"images", "annotations", "file_list"} & found.keys


def _is_diffgram(found: Outline) -> bool:
    if "file_list" in found.keys or "label_map" in found.keys:
        return True
    inner = [found.first, *found.firsts.values()]
    return any("instance_list" in one or "diffgram_file" in one for one in inner)


JSON: dict[str, Callable[[Outline], bool]] = {
    "clarifai": _is_clarifai,
    "coco": _is_coco,
    "diffgram": _is_diffgram,
    "fiftyone": _is_fiftyone,
    "huggingface": lambda found: "file_name" in found.keys and "images" not in found.keys,
    "labelstudio": _is_labelstudio,
    "scale": lambda found: (
        "task_id" in found.first
        or {"task_id", "params"} <= found.keys
        or "task_id" in found.firsts.get("docs", {})
    ),
}
"""Format -> whether a JSON file is one of it."""
_CONCEPTS = {"pos_concepts", "neg_concepts", "top_row"}
"""Columns of Clarifai."""
TABLES: dict[str, Callable[[set[str]], bool]] = {
    "clarifai": lambda columns: (
        ("url" in columns and bool(columns & _CONCEPTS)) or columns >= {"input", "concepts"}
    ),
    "csv": lambda columns: (
        "media" in columns
        or (is_table(columns) and not columns >= _MIN_KEYS and not columns & _CONCEPTS)
    ),
    "labelstudio": lambda columns: columns >= _MIN_KEYS,
}
"""Format -> whether a table with these columns is one of it."""


def _has(folder: Path, *patterns: str) -> bool:
    return any((folder / one).exists() or has_data_file(folder, one) for one in patterns)


def _has_image_table(path: Path) -> bool:
    """Whether it is an image folder of Hugging Face: its table names files."""
    patterns = (f"{place}{name}" for place in ("", "*/") for name in image_folder.NAMES)
    found = (one for pattern in patterns for one in data_files(path, pattern))
    return any(b"file_name" in _head_of(one) for one in found)


def _head_of(path: Path) -> bytes:
    with path.open("rb") as file:
        return as_utf8(file.read(_TAIL_BYTES)).partition(b"\n")[0]


def _is_yolo(path: Path) -> bool:
    if _has(path, "obj.data", "_darknet.labels"):
        return True
    if (path / "labels").is_dir():
        return _has(path, "*.y*ml", "classes.txt", "labels/classes.txt")
    # LabelImg: labels beside the pictures
    is_list = (path / "classes.txt").is_file()
    return is_list and any(one.name != "classes.txt" for one in data_files(path, "*.txt"))


FOLDERS: dict[str, Callable[[Path], bool]] = {
    "fiftyone": lambda path: (path / "labels.json").is_file() and _has(path, "data", "data.json"),
    "huggingface": lambda path: (
        any(map(_of_parquet, data_files(path, "*.parquet"))) or _has_image_table(path)
    ),
    "voc": lambda path: (path / "Annotations").is_dir(),
    "yolo": _is_yolo,
    "masterful": lambda path: (path / "records.csv").is_file(),
    "webvtt": lambda path: has_data_file(path, "*.vtt"),
}
"""Format -> whether a folder is one of it."""
ROOTS: dict[str, str] = {"cvat": r"<annotations[\s>]", "voc": r"<annotation[\s>]"}
"""Format -> a pattern of the root element of its XML."""
MAGIC: dict[bytes, str] = {b"WEBVTT": "webvtt", b"\xef\xbb\xbfWEBVTT": "webvtt"}
"""First bytes -> format."""
