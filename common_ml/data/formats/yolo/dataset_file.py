"""Read and write the description of a YOLO dataset: places of pictures, names of classes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from common_ml.data.formats.shared.encodings import as_utf8
from common_ml.data.formats.shared.named_paths import is_file, is_folder
from common_ml.data.formats.shared.packed import raise_if_packed
from common_ml.data.formats.shared.stray import data_files
from common_ml.data.formats.yolo.label_files import CLASS_LISTS, LabelFiles, is_label_name
from common_ml.errors import FormatError, MissingExtraError
from common_ml.media.kinds import kind_by_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from common_ml.data.formats.shared.policy import ErrorPolicy

SPLITS = ("train", "val", "test")
_OTHER_KEYS = {"valid": "val", "validation": "val"}
"""Names of parts in files of Darknet and Roboflow -> ours."""
DARKNET = "obj.data"
TWICE = "picture that train, val or test name once more: taken once"


@dataclass(frozen=True)
class YoloPicture:
    """One picture of a dataset."""

    path: Path
    """Expected path."""
    name: str
    """Its path below the folder of its part."""
    labels: Path
    """Its label file; if it is missing, the picture has no objects."""
    split: str
    """The part; "" where there are none."""


@dataclass(frozen=True)
class YoloDataset:
    """Content of the YAML file or folder."""

    path: Path
    """The YAML file, Darknet's `obj.data`, or the list of classes."""
    names: Mapping[int, str]
    keypoint_numbers: int
    """Number of keypoint values after a box; 0: none."""
    pictures: Sequence[YoloPicture]


def open_dataset(source: Path, policy: ErrorPolicy) -> YoloDataset:
    """Read the description.

    Raises:
        FormatError: it is not one.
        OSError: there is no such file or folder.
    """
    path = _described_by(source) if source.is_dir() else source
    labels = LabelFiles()
    if path.name in CLASS_LISTS:
        lines = _text(path).splitlines()
        names = {number: name.strip() for number, name in enumerate(lines) if name.strip()}
        root = path.parent.parent if path.parent.name == "labels" else path.parent
        return _finished(YoloDataset(path, names, 0, _unlisted(root, labels)), labels, policy)
    data = _load(path)
    root = path.parent
    if isinstance(data.get("path"), str):
        # relative to the working directory in training, but to their own folder in exports
        root = next(
            (one for one in (path.parent / data["path"], Path(data["path"])) if is_folder(one)),
            root,
        )
    pictures = _pictures(data, root, path, labels, policy)
    if not any(data.get(split) for split in SPLITS):
        pictures = _unlisted(root, labels)
        if not pictures:
            raise FormatError(
                f"{os.fspath(path)}: train: is missing: must name a folder or list of pictures",
                path=path,
                field="train",
            )
    dataset = YoloDataset(path, _names(data, path), _keypoints(data, path), pictures)
    return _finished(dataset, labels, policy)


def _finished(dataset: YoloDataset, labels: LabelFiles, policy: ErrorPolicy) -> YoloDataset:
    for path in labels.unused():
        policy.report.skip(os.fspath(path), "there is no picture of this label file")
    return dataset


def _pictures(
    data: Mapping[str, Any], root: Path, path: Path, labels: LabelFiles, policy: ErrorPolicy
) -> list[YoloPicture]:
    by_path: dict[str, YoloPicture] = {}  # a small set may train and validate on the same ones
    seen: set[str] = set()
    for split in SPLITS:
        for value in _locations(data, path, split, policy):
            # train: val.txt marks a set without training pictures
            owner = Path(value).stem
            is_of_other = owner in SPLITS and owner != split and data.get(owner) == value
            if value in seen or is_of_other:
                continue
            seen.add(value)
            for picture in _part(root, path, value, split, labels, policy):
                # one folder may be called images here and ./images/ there, or hold the other
                if by_path.setdefault(os.path.normpath(picture.path), picture) is not picture:
                    policy.repair(TWICE)
    return [*by_path.values()]


def _unlisted(root: Path, labels: LabelFiles) -> list[YoloPicture]:
    """Return the pictures of a folder that is not described: in `images/`, or in itself."""
    for folder in (root / "images", root):
        pictures = list(_folder(folder, "", labels))
        if pictures:
            return pictures
    return list(_from_labels(root / "labels"))  # only labels were exported


def written_dataset(parts: Mapping[str, str], names: Sequence[str]) -> str:
    """Return the text of the YAML file.

    Without `path`, which training takes from the working directory and not from the file's folder.
    """
    lines = [f"{split}: {value}" for split, value in parts.items()]
    first = next(iter(parts.values()))
    lines += [f"{split}: {first}" for split in ("train", "val") if split not in parts]
    lines += [f"nc: {len(names)}", "names:" if names else "names: {}"]
    lines += [f"  {number}: {_yaml_text(name)}" for number, name in enumerate(names)]
    return "\n".join(lines) + "\n"


def _yaml_text(text: str) -> str:
    """Quote and escape a text for YAML."""
    plain = (
        one if one.isprintable() and one not in '"\\' else f"\\U{ord(one):08x}" for one in text
    )
    return f'"{"".join(plain)}"'


def _described_by(folder: Path) -> Path:
    yamls = sorted(one for end in ("*.yaml", "*.yml") for one in data_files(folder, end))
    named = [one for one in yamls if one.stem in {"data", "dataset"}] or yamls
    if len(named) > 1:
        listed = ", ".join(one.name for one in named)
        raise FormatError(
            f"{os.fspath(folder)}: has several YAML files: {listed}; hint: name the one to read",
            path=folder,
        )
    if named:
        return named[0]
    others = (DARKNET, *CLASS_LISTS, *(f"labels/{one}" for one in CLASS_LISTS))
    found = next((folder / one for one in others if (folder / one).is_file()), None)
    if found is not None:
        return found
    raise FormatError(
        f"{os.fspath(folder)}: must have a dataset YAML (data.yaml), {DARKNET} or classes.txt",
        path=folder,
    )


def _load(path: Path) -> dict[str, Any]:
    """Return what the file says, with the keys of a YAML."""
    data = _load_darknet(path) if path.suffix == ".data" else _load_yaml(path)
    for other, key in _OTHER_KEYS.items():
        if data.get(other) is not None and data.get(key) is None:
            data[key] = data[other]
    return data


def _load_darknet(path: Path) -> dict[str, Any]:
    """Read `key = value` lines; the classes stand in another file, one a line."""
    pairs = (line.partition("=") for line in _text(path).splitlines() if "=" in line)
    data: dict[str, Any] = {key.strip(): value.strip() for key, _, value in pairs}
    for place in _places_of(str(data.get("names", "")), path.parent):
        if is_file(place):
            return {**data, "names": [one.strip() for one in _text(place).splitlines()]}
    raise FormatError(
        f"{os.fspath(path)}: names: no such file: {data.get('names')!r:.80}",
        path=path,
        field="names",
    )


def _load_yaml(path: Path) -> dict[str, Any]:
    try:
        import yaml
    except ImportError as error:
        raise MissingExtraError("pyyaml", extra="data") from error
    try:
        text = _text(path)
        data = yaml.safe_load(text)
        if isinstance(data, dict) and "names" in data:  # a class may be called `no` or `1e3`
            as_text = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - makes nothing but texts
            data["names"] = as_text.get("names", data["names"])
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f"line {mark.line + 1}"
        problem = getattr(error, "problem", None) or "cannot be parsed"
        where = ": ".join(part for part in (os.fspath(path), place) if part)
        raise FormatError(f"{where}: not valid YAML: {problem}", path=path, place=place) from error
    if not isinstance(data, dict) or "names" not in data:
        raise FormatError(
            f"{os.fspath(path)}: names: is missing: must be a dataset with names, train and val",
            path=path,
            field="names",
        )
    return data


def _text(path: Path) -> str:
    data = path.read_bytes()
    raise_if_packed(data, os.fspath(path))
    data = as_utf8(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = f"line {data.count(bytes([10]), 0, error.start) + 1}"
        raise FormatError(
            f"{os.fspath(path)}: {place}: has bytes that are not UTF-8", path=path, place=place
        ) from error


def _names(data: Mapping[str, Any], path: Path) -> dict[int, str]:
    names = data["names"]
    if isinstance(names, list):
        return {number: str(name) for number, name in enumerate(names)}
    if not isinstance(names, dict) or not all(re.fullmatch(r"\d{1,9}", str(key)) for key in names):
        raise FormatError(
            f"{os.fspath(path)}: names: must be a list, or an object by class number, got "
            f"{names!r:.80}",
            path=path,
            field="names",
        )
    return {int(number): str(name) for number, name in names.items()}


def _keypoints(data: Mapping[str, Any], path: Path) -> int:
    shape = data.get("kpt_shape")
    if shape is None:
        return 0
    is_shape = isinstance(shape, list) and len(shape) == 2
    if not is_shape or not all(isinstance(one, int) and one > 0 for one in shape):
        raise FormatError(
            f"{os.fspath(path)}: kpt_shape: must be [points, numbers of one], got {shape!r:.80}",
            path=path,
            field="kpt_shape",
        )
    return int(shape[0] * shape[1])


def _locations(
    data: Mapping[str, Any], path: Path, split: str, policy: ErrorPolicy
) -> Iterator[str]:
    """Yield the folders and lists of one part."""
    values = data.get(split)
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, str):
            if value:
                yield value
        elif value is not None:
            policy.fail(
                FormatError(
                    f"{os.fspath(path)}: {split}: must be a folder, a list of pictures (.txt) or "
                    f"several of these, got {value!r:.80}",
                    path=path,
                    field=split,
                )
            )


def _part(
    root: Path, path: Path, value: str, split: str, labels: LabelFiles, policy: ErrorPolicy
) -> Iterator[YoloPicture]:
    # Roboflow's exports write ../train/images for train/images
    names = dict.fromkeys((value, value.replace("\\", "/")))  # as Windows writes them
    places = [
        place
        for one in names
        for place in (
            *_places_of(one, root),
            path.parent / one.removeprefix("../"),
        )
    ]
    found = next((one for one in places if is_file(one) or is_folder(one)), None)
    if found is None:
        policy.fail(
            FormatError(
                f"{os.fspath(path)}: {split}: no such file or folder: {value}",
                path=path,
                field=split,
            )
        )
    elif found.is_dir():
        yield from _folder(found, split, labels)
    else:
        yield from _listed(found, split, labels)


def _places_of(name: str, folder: Path) -> Iterator[Path]:
    """Yield where a path may lead: below the folder, or without a first folder that is not here.

    Darknet runs above its folder `data`, and exports name what is in it `data/train.txt`.
    """
    yield folder / name
    first, _, rest = name.partition("/")
    if not rest or first in ("", ".", "..") or is_folder(folder / first):
        return
    shorter = folder / rest
    if is_file(shorter) or ("/" in rest and is_folder(shorter.parent)):
        yield shorter


def _folder(folder: Path, split: str, labels: LabelFiles) -> Iterator[YoloPicture]:
    for path in data_files(folder, "**/*"):
        if kind_by_name(path.name) == "image":
            yield YoloPicture(path, path.relative_to(folder).as_posix(), labels.of(path), split)


def _from_labels(folder: Path) -> Iterator[YoloPicture]:
    for path in data_files(folder, "**/*.txt"):
        if not is_label_name(path.name):
            continue
        name = path.relative_to(folder).with_suffix("").as_posix()
        yield YoloPicture(folder.parent / "images" / name, name, path, "")


def _listed(path: Path, split: str, labels: LabelFiles) -> Iterator[YoloPicture]:
    """Yield the pictures of a list; relative paths start at its folder."""
    for line in _text(path).split("\n"):
        text = line.strip()
        if text:
            if not is_file(path.parent / text):
                text = text.replace("\\", "/")  # as Windows writes them
            place = [*_places_of(text, path.parent)][-1]
            name = PurePosixPath(text)
            below = name.parts
            if "images" in below:
                below = below[below.index("images") + 1 :]
                below = below[1:] if len(below) > 1 and below[0] == split else below
            yield YoloPicture(place, "/".join(below), labels.of(place), split)
