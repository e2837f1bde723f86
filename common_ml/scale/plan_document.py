"""Parse and validate the JSON document of a plan; errors name each key that is wrong."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from common_ml.errors import ParamsError
from common_ml.parts import problem_of_parts
from common_ml.scale.plan import PICTURE_SECONDS, Film
from common_ml.tagging.params.problems import shown, wrong_value
from common_ml.tagging.params.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pydantic_core import ErrorDetails

    from common_ml.types import StrPath

_HINT = "hint: `common-ml scale plan` writes a new one"
_MAX_PROBLEMS = 5
"""Maximum number of reported problems, since thousands of films may have the same."""
_STRICT = ConfigDict(strict=True, extra="forbid")
Text = Annotated[str, Field(min_length=1)]


@dataclass(frozen=True)
class FilmDocument:
    """A film; see `Film`."""

    __pydantic_config__ = _STRICT

    name: Text
    path: Text
    cost: Annotated[float, Field(gt=0, allow_inf_nan=False)] = PICTURE_SECONDS


@dataclass(frozen=True)
class PlanDocument:
    """A plan without its version key; see `Plan`."""

    __pydantic_config__ = _STRICT

    tagger: Text
    revision: str
    parts: Text
    num_shards: int
    films: list[FilmDocument]
    params: dict[str, Any] | None = None


def read_document(path: StrPath, *, version: int) -> dict[str, Any]:
    """Return the fields of a `Plan` from its file.

    Raises:
        OSError: the file cannot be read.
        ParamsError: it is not a plan of this version; names each key that is wrong.
    """
    document = _json(path)
    if not isinstance(document, dict) or "common_ml_plan" not in document:
        raise _refused(path, ['it is JSON without the key "common_ml_plan" @ $'])
    found = document.pop("common_ml_plan")
    if type(found) is not int or found != version:
        raise _refused(path, [wrong_value("$.common_ml_plan", str(version), found)])
    # file names may hold bytes that are not UTF-8, which pydantic does not read from JSON
    readable = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    try:
        TypeAdapter(PlanDocument).validate_json(readable)
    except ValidationError as error:
        problems = _problems(json.loads(readable), error.errors(include_url=False))
        raise _refused(path, problems) from error
    films = tuple(Film(**film) for film in document["films"])
    problems = list(_contradictions(films, document["num_shards"]))
    if problem := problem_of_parts(document["parts"]):
        problems.append(f"{problem} @ $.parts")
    if problems:
        raise _refused(path, problems)
    return {"params": None, **document, "films": films}


def _problems(document: dict[str, Any], errors: Sequence[ErrorDetails]) -> list[str]:
    """Return pydantic's errors, worded like those of `--params`."""
    films = document.get("films")
    if isinstance(films, list):  # wording costs a millisecond per film, and there are thousands
        wrong = [error["loc"][1] for error in errors if error["loc"][0] == "films"]
        places = [place for place in wrong[:_MAX_PROBLEMS] if isinstance(place, int)]
        document = {**document, "films": films[: max(places, default=-1) + 1]}
    problems: list[str] = []
    validate(document, PlanDocument, problems)
    return problems


def _json(path: StrPath) -> Any:
    content = Path(path).read_bytes()
    try:
        return json.loads(content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _refused(path, [f"it is not UTF-8: {error.reason} at byte {error.start}"]) from error
    except json.JSONDecodeError as error:
        text = (
            "it begins with a byte order mark, expected UTF-8 without one"
            if content.startswith(b"\xef\xbb\xbf")
            else f"it is not valid JSON: {error}"
        )
        raise _refused(path, [text]) from error
    except RecursionError as error:
        raise _refused(path, ["it is nested too deeply"]) from error


def _contradictions(films: Sequence[Film], num_shards: int) -> Iterator[str]:
    """Yield inconsistencies between values that are valid by themselves."""
    if not films:
        yield "films must have at least one film, got [] @ $.films"
        return
    if not 1 <= num_shards <= len(films):
        expected = f"a whole number from 1 to {len(films)}, the number of films"
        yield wrong_value("$.num_shards", expected, num_shards)
    first: dict[str, int] = {}
    for place, film in enumerate(films):
        before = first.setdefault(film.name, place)
        if before != place:
            yield (
                f"films[{place}].name is that of films[{before}], too, expected each name once, "
                f"got {shown(film.name)} @ $.films[{place}].name"
            )


def _refused(path: StrPath, problems: Sequence[str]) -> ParamsError:
    named = list(problems[:_MAX_PROBLEMS])
    if len(problems) > _MAX_PROBLEMS:
        named.append(f"and {len(problems) - _MAX_PROBLEMS} more")
    return ParamsError([f"{path} is not a plan: {named[0]}", *named[1:], _HINT])
