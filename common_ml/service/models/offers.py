"""Parse the models offered by a command line and `models.toml`."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import InvalidRequestError, MissingExtraError
from common_ml.service.models.model import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)=(.+)\Z", re.DOTALL)
_KEYS: dict[str, tuple[type, ...]] = {
    "target": (str,),
    "type": (str, list),
    "tags": (list,),
    "fields": (dict,),
    "params": (dict,),
    "slots": (int,),
    "gpu": (str, int),
    "python": (str,),
    "engine_options": (list,),
}


@dataclass(frozen=True)
class ModelOffer:
    """A model as offered by an operator; omitted fields come from its description."""

    name: str
    target: str
    types: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    fields: dict[str, Any] = field(default_factory=dict)
    params: dict[str, Any] = field(default_factory=dict)
    slots: int = 1
    gpu: str = ""
    python: str | None = None
    engine_options: tuple[str, ...] = ()


def offers_of(targets: Iterable[str], file: Path | None = None) -> list[ModelOffer]:
    """Return the models of a command line and of a file.

    Args:
        targets: Folders with `main.py`, programs, commands or images; `name=target` gives a name,
            otherwise it is that of the folder or image.
        file: `models.toml`, or the same as JSON; None for none.

    Raises:
        InvalidRequestError: all that is wrong.
        OSError: the file cannot be read.
        MissingExtraError: TOML on Python 3.10 without tomli.
    """
    offers = [*(_offer(target) for target in targets), *(read_offers(file) if file else [])]
    names = [offer.name for offer in offers]
    problems = [
        f"two models have the name {name!r}; hint: give one of them another, as in other={name}"
        for name in sorted(set(names))
        if names.count(name) > 1
    ]
    if problems:
        raise InvalidRequestError(problems)
    return offers


def read_offers(file: Path) -> list[ModelOffer]:
    """Return the models of `models.toml`; targets are relative to its folder.

        [models.ocr]
        target = "examples/ocr"       # or an image, or a command
        type = ["image", "video"]     # by default what the tagger says
        tags = ["text"]
        slots = 2                     # taggers at once on each worker
        params = { fps = 2 }          # below those that are asked for
        gpu = "0"

    Raises:
        InvalidRequestError: all that is wrong.
        OSError: it cannot be read.
        MissingExtraError: TOML on Python 3.10 without tomli.
    """
    document = _parsed(file)
    tables = document.get("models")
    if not isinstance(tables, dict) or not tables:
        raise InvalidRequestError(f"{file} has no models; hint: begin with [models.NAME]")
    problems = [f"{file}: unknown table {key!r}" for key in document if key != "models"]
    offers = []
    for name, table in tables.items():
        found = _problems_of(name, table)
        problems += [f"{file}: models.{name}: {problem}" for problem in found]
        if not found:
            offers.append(_offer_of_table(name, table, folder=file.absolute().parent))
    if problems:
        raise InvalidRequestError(problems)
    return offers


def _offer(text: str) -> ModelOffer:
    named = _NAMED.match(text)
    if named is not None and not Path(text).exists():
        return ModelOffer(_checked_name(named[1]), named[2])
    return ModelOffer(_checked_name(_name_of(text)), text)


def _name_of(target: str) -> str:
    """The folder of a program, or the last part of an image without its tag."""
    path = Path(target).expanduser()
    if path.is_dir():
        return path.absolute().name
    if path.is_file():
        return path.absolute().parent.name if path.name == "main.py" else path.stem
    return re.split(r"[:@]", target.strip().rsplit("/", 1)[-1])[0].split(" ")[0]


def _checked_name(name: str) -> str:
    if not _NAME.match(name):
        raise InvalidRequestError(
            f"{name!r} is not a name of a model: expected letters, digits and any of ._- ; "
            "hint: give it one, as in ocr=path/to/tagger"
        )
    return name


def _parsed(file: Path) -> dict[str, Any]:
    data = file.read_bytes()
    try:
        document = json.loads(data) if file.suffix == ".json" else _toml(data.decode())
    except (ValueError, RecursionError) as error:  # both decoders raise below ValueError
        raise InvalidRequestError(f"{file} cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise InvalidRequestError(f"{file}: expected an object, got {type(document).__name__}")
    return document


def _toml(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ImportError as error:
            raise MissingExtraError("tomli", extra="serve") from error
    return tomllib.loads(text)


def _problems_of(name: str, table: Any) -> list[str]:
    if not isinstance(table, dict):
        return [f"expected a table, got {type(table).__name__}"]
    problems = [] if _NAME.match(name) else ["not a name of a model: letters, digits, ._-"]
    problems += [] if table.get("target") else ["target is missing"]
    for key, value in table.items():
        types = _KEYS.get(key)
        if types is None:
            problems.append(f"unknown key {key!r}, expected one of {sorted(_KEYS)}")
        elif not isinstance(value, types) or (isinstance(value, bool)):
            names = " or ".join(kind.__name__ for kind in types)
            problems.append(f"{key} must be {names}, got {type(value).__name__}")
    if not problems and table.get("slots", 1) < 1:
        problems.append(f"slots must be >= 1, got {table['slots']}")
    kinds = _as_list(table.get("type", []))
    problems += [
        f"type must be of {list(KINDS)}, got {kind!r}" for kind in kinds if kind not in KINDS
    ]
    return problems


def _offer_of_table(name: str, table: Mapping[str, Any], *, folder: Path) -> ModelOffer:
    target = str(table["target"])
    beside = folder / Path(target).expanduser()
    return ModelOffer(
        name,
        str(beside) if beside.exists() else target,
        types=tuple(_as_list(table.get("type", []))),
        tags=tuple(map(str, table.get("tags", []))),
        fields=dict(table.get("fields", {})),
        params=dict(table.get("params", {})),
        slots=table.get("slots", 1),
        gpu=str(table.get("gpu", "")),
        python=table.get("python"),
        engine_options=tuple(map(str, table.get("engine_options", []))),
    )


def _as_list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
