"""Turning media files into messages: the models, the daemon and the wire."""

from common_ml.tagging.stopping import cancelled

__all__ = ["cancelled"]
