"""Parse KEY=VALUE options of readers and writers, typed by the annotations of the format."""

from __future__ import annotations

import inspect
import re
from datetime import date
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def parse(function: Callable[..., Any], pairs: Sequence[str], *, flag: str) -> dict[str, Any]:
    """Parse KEY=VALUE texts to keyword arguments.

    Args:
        function: `read` or `write` of a format; its annotations give the types of values.
        pairs: The texts.
        flag: The command's option that they were given with, for errors.

    Raises:
        typer.BadParameter: an option that the format does not have, or an invalid value.
    """
    known = _known(function)
    given = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip().replace("-", "_")
        if not equals:
            raise typer.BadParameter(f"must be KEY=VALUE, got {pair!r}", param_hint=flag)
        if key not in known:
            near = get_close_matches(key, known, n=1)
            hint = f"did you mean {near[0]}? " if near else ""
            listed = ", ".join(known) or "none"
            raise typer.BadParameter(
                f"unknown option {key!r}: {hint}there is {listed}", param_hint=flag
            )
        try:
            given[key] = _value(str(known[key].annotation), text)
        except ValueError as error:
            raise typer.BadParameter(f"{key}: {error}", param_hint=flag) from error
    missing = [key for key, one in known.items() if one.default is one.empty and key not in given]
    if missing:
        raise typer.BadParameter(
            f"is needed: {flag} {missing[0]}={_example(known[missing[0]])}", param_hint=flag
        )
    return given


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a reader or writer has an option."""
    return name in inspect.signature(function).parameters


def _known(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    return {
        name: one
        for name, one in inspect.signature(function).parameters.items()
        if one.kind is one.KEYWORD_ONLY and not set(_OBJECTS) & set(_WORD.findall(one.annotation))
    }


_OBJECTS = ("Callable", "Report")
"""In annotations of parameters that cannot be parsed from a text."""
_WORD = re.compile(r"\w+")


def _example(parameter: inspect.Parameter) -> str:
    return "object_detection" if parameter.annotation == "Task" else "..."


def _value(annotation: str, text: str) -> Any:
    convert = next(
        (convert for start, convert in _CONVERSIONS if annotation.startswith(start)), str
    )
    return convert(text)


def _truth(text: str) -> bool:
    if text.lower() not in _TRUTHS:
        raise ValueError(f"must be true or false, got {text!r}")
    return _TRUTHS[text.lower()]


_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def size(text: str) -> tuple[int, int]:
    """Parse width and height from `640x480`."""
    width, cross, height = text.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise ValueError(f"must be WIDTHxHEIGHT, such as 640x480, got {text!r}")
    return int(width), int(height)


def shares(text: str) -> dict[str, float]:
    """Parse parts and shares from `train=0.8,val=0.1,test=0.1`."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, share = part.replace(":", "=").partition("=")
        name = name.strip()
        if not name or name in found or "/" in name or name.startswith("."):
            raise ValueError(f"must be such as train=0.8,val=0.1,test=0.1, got {text!r}")
        try:
            found[name] = float(share)
        except ValueError as error:
            raise ValueError(f"the share of {name} must be a number, got {share!r}") from error
    if any(not 0 < share <= 1 for share in found.values()) or abs(sum(found.values()) - 1) > 1e-6:
        raise ValueError(f"shares must be > 0 and add up to 1, got {text!r}")
    return found


def day(text: str) -> date:
    """Parse a day from YYYY-MM-DD."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"must be YYYY-MM-DD, got {text!r}") from error


def names(text: str) -> list[str]:
    """Split texts at commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


_CONVERSIONS: tuple[tuple[str, Callable[[str], Any]], ...] = (
    ("bool", _truth),
    ("int", int),
    ("float", float),
    ("date", day),
    ("tuple[int, int]", size),
    ("Mapping[str, float]", shares),
    ("Sequence", names),
)
"""Start of an annotation -> parser of its values; anything else stays a text."""
