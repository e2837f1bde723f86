"""`/v1/webhooks`: register webhooks for prediction events, and list their deliveries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.v1.documents import parsed_id, rfc3339_time
from common_ml.service.api.v1.schemas import (
    DeliveryDocument,
    Page,
    WebhookDocument,
    WebhookRequest,
)
from common_ml.service.operations import audit, webhooks
from common_ml.service.operations.actor import Actor
from common_ml.service.operations.webhooks import Webhook

router = APIRouter(prefix="/v1/webhooks", tags=["webhooks"])
HookOwner = Annotated[Actor, Depends(allow("hooks"))]


@router.get("", response_model=Page[WebhookDocument])
def list_webhooks(request: Request, actor: HookOwner) -> dict[str, Any]:
    """List your webhooks, newest first, without their secrets."""
    found = webhooks.find_all(server_of(request).core, actor)
    return {"items": [*map(_document, found)], "next": None}


@router.post("", status_code=201, response_model=WebhookDocument)
def create_webhook(request: Request, actor: HookOwner, body: WebhookRequest) -> dict[str, Any]:
    """Register a webhook; the secret that signs its calls is in this answer only."""
    core = server_of(request).core
    made, secret = webhooks.create(core, actor, url=body.url, events=body.events)
    audit.record(core, actor, "webhook.created", object=str(made.id), data={"url": made.url})
    return {**_document(made), "secret": secret}


@router.delete("/{webhook_id}", status_code=204, response_class=Response)
def remove_webhook(request: Request, webhook_id: str, actor: HookOwner) -> Response:
    """Remove a webhook, with the calls that wait."""
    core = server_of(request).core
    webhooks.remove(core, actor, parsed_id(webhook_id, "webhook"))
    audit.record(core, actor, "webhook.removed", object=webhook_id)
    return Response(status_code=204)


@router.get("/{webhook_id}/deliveries", response_model=Page[DeliveryDocument])
def list_deliveries(
    request: Request,
    webhook_id: str,
    actor: HookOwner,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
) -> dict[str, Any]:
    """List the latest calls of a webhook, newest first, and what became of them."""
    number = parsed_id(webhook_id, "webhook")
    found = webhooks.deliveries(server_of(request).core, actor, number, limit=limit)
    items = [
        {
            "id": str(one.id),
            "event": str(one.event_id),
            "state": one.state,
            "attempts": one.attempts,
            "error": one.error,
            "created_at": rfc3339_time(one.created_at),
        }
        for one in found
    ]
    return {"items": items, "next": None}


def _document(webhook: Webhook) -> dict[str, Any]:
    return {
        "id": str(webhook.id),
        "url": webhook.url,
        "events": list(webhook.events),
        "created_at": rfc3339_time(webhook.created_at),
        "failures": webhook.failures,
    }
