"""Parse limits of the service from texts such as `max_tus_bytes=10GiB`."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

from common_ml.errors import InvalidRequestError
from common_ml.service.settings import ServiceLimits

if TYPE_CHECKING:
    from collections.abc import Iterable

_UNITS = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}


def limits_of(texts: Iterable[str], *, lease_seconds: float | None = None) -> ServiceLimits:
    """Return the default limits, updated by the given ones.

    Args:
        texts: `NAME=NUMBER`; bytes may have a unit, as in `10GiB`.
        lease_seconds: Default of the lease; it is renewed after a third of it.

    Raises:
        InvalidRequestError: names all problems.
    """
    types = {one.name: one.type for one in fields(ServiceLimits)}
    found: dict[str, float] = {}
    problems = []
    for text in texts:
        name, _, value = text.partition("=")
        if name not in types:
            problems.append(f"no limit {name!r}, expected one of {', '.join(types)}")
            continue
        number = _number(value.strip(), has_unit=name.endswith("_bytes"))
        if types[name] == "int" and number is not None and number != int(number):
            number = None
        if number is None:
            kind = "a whole number > 0" if types[name] == "int" else "a number > 0"
            problems.append(f"{name} must be {kind}, got {value!r}")
        else:
            found[name] = int(number) if types[name] == "int" else number
    if lease_seconds is not None:
        found.setdefault("lease_seconds", lease_seconds)
    if "lease_seconds" in found:
        found.setdefault("renew_seconds", found["lease_seconds"] / 3)
    if problems:
        raise InvalidRequestError(problems)
    try:
        return ServiceLimits(**found)  # type: ignore[arg-type] # whole numbers were checked
    except ValueError as error:
        raise InvalidRequestError(str(error)) from error


def _number(text: str, *, has_unit: bool) -> float | None:
    """Return a finite number above 0; None for anything else."""
    factor = 1
    if has_unit and text[-3:] in _UNITS:
        text, factor = text[:-3].strip(), _UNITS[text[-3:]]
    try:
        number = float(text) * factor
    except ValueError:
        return None
    return number if number > 0 and math.isfinite(number) else None
