"""Merge an operator's offer of a model with the tagger's own description."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.describing import describe_target
from common_ml.runtime.targets import find_target
from common_ml.service.models.model import KINDS, ModelSpec
from common_ml.service.models.params import merged_schema
from common_ml.service.models.revision import revision_of

if TYPE_CHECKING:
    from common_ml.service.models.offers import ModelOffer

_TIMEOUT_SECONDS = 120.0
_TYPES_OF_KIND = {"frame": ("image", "video"), "batch": ("image", "video")}
logger = logging.getLogger(__name__)


def spec_of(offer: ModelOffer, *, engine: str | None = None) -> ModelSpec:
    """Return a model with its type, params schema, fields and revision.

    A tagger without a description is offered as well: with any params, for images, videos and
    audio.

    Args:
        offer: What the operator says.
        engine: podman or docker, for an image; None for the one that is found.

    Raises:
        TaggerError: there is no such program or image.
    """
    target = find_target(offer.target, python=offer.python)
    revision = revision_of(target, engine=engine)
    try:
        description = describe_target(target, engine=engine, timeout_seconds=_TIMEOUT_SECONDS)
    except TaggerError as error:
        logger.warning(
            "%s does not describe itself, so its params are not checked: %s",
            offer.name,
            str(error).partition("\n")[0],
        )
        description = {}
    return ModelSpec(
        name=offer.name,
        target=offer.target,
        revision=revision,
        types=offer.types or _types(description),
        tags=offer.tags,
        fields=offer.fields or _fields(description),
        params=offer.params,
        params_schema=merged_schema(description.get("params"), description.get("sdk_params")),
        description=str(description.get("summary") or ""),
        slots=offer.slots,
        gpu=offer.gpu,
        python=offer.python,
        engine_options=offer.engine_options,
    )


def _types(description: dict[str, Any]) -> tuple[str, ...]:
    said = description.get("type")
    kinds = [said] if isinstance(said, str) else said if isinstance(said, list) else []
    known = tuple(kind for kind in KINDS if kind in kinds)
    return known or _TYPES_OF_KIND.get(str(description.get("kind")), KINDS[:3])


def _fields(description: dict[str, Any]) -> dict[str, Any]:
    tracks = description.get("tracks")
    if not isinstance(tracks, list):
        return {}
    return {str(track) or "tags": {"type": "tag", "track": track} for track in tracks}
