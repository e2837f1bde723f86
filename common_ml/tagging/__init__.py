"""Turn media files into messages: models, daemon and wire format."""

from common_ml.tagging.job.context import cancelled

__all__ = ["cancelled"]
