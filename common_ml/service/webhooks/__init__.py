"""Webhook delivery: a worker thread sends signed requests from the outbox."""

from __future__ import annotations

from common_ml.service.webhooks.sender import WebhookSender
from common_ml.service.webhooks.signing import signature, verify

__all__ = ["WebhookSender", "signature", "verify"]
