"""Where the confidence of a tag stands, and which values are confidences.

Models write it as `FrameTag(confidence=...)` or `Tag(confidence=...)`, and on the wire it is in
`additional_info["confidence"]`. Taggers that were written before these arguments use other names
too: pages, datasets and formats find a confidence here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common_ml.tagging import field_values

if TYPE_CHECKING:
    from collections.abc import Mapping

CONFIDENCE_KEY = "confidence"
"""The key of `additional_info` that a confidence is written to."""
CONFIDENCE_KEYS = (CONFIDENCE_KEY, "score", "probability", "conf", "prob")
"""The keys that are looked at, in this order: the first with a number from 0 to 1 counts."""
_ROUNDING = 1e-5
"""How far beyond 0..1 a value of 16 or 32 bits may be by rounding, as after a softmax."""


def confidence_of(info: Mapping[str, Any] | None) -> float | None:
    """Return the confidence in an `additional_info`, 0..1; None if there is none."""
    key = key_of_confidence(info)
    return None if info is None or key is None else float(info[key])


def key_of_confidence(info: Mapping[str, Any] | None) -> str | None:
    """Return the key of an `additional_info` that holds its confidence; None if none does."""
    if not info:
        return None
    return next((key for key in CONFIDENCE_KEYS if is_confidence(info.get(key))), None)


def is_confidence(value: object) -> bool:
    """Return whether a value, as read from JSON, is a number from 0 to 1."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= 1


def checked_confidence(value: Any, field: str = CONFIDENCE_KEY) -> float:
    """Return a model's confidence as a number from 0 to 1.

    Scalars of numpy and torch are converted. What is beyond 0..1 by less than 1e-5 is rounding.

    Raises:
        MessageError: it is not a number from 0 to 1.
    """
    number = field_values.scalar(value)
    if not field_values.is_real(number) or not -_ROUNDING <= number <= 1 + _ROUNDING:
        hint = "divide a percentage by 100, put other scores into additional_info"
        raise field_values.wrong(field, "a number from 0 to 1", value, hint=hint)
    return min(max(field_values.plain_number(number), 0), 1)


def with_confidence(info: Mapping[str, Any] | None, confidence: float) -> dict[str, Any]:
    """Return a copy of an `additional_info` with a confidence in its place.

    Raises:
        MessageError: `info` is not a dict.
    """
    if info is not None and type(info) is not dict:
        info = field_values.additional_info(info, "additional_info")
    return {**(info or {}), CONFIDENCE_KEY: confidence}
