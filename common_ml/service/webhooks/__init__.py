"""Calls of webhooks: signed, from the outbox, apart from everything else."""

from __future__ import annotations

from common_ml.service.webhooks.sender import WebhookSender
from common_ml.service.webhooks.signing import signature, verify

__all__ = ["WebhookSender", "signature", "verify"]
