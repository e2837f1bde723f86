"""`/model/tag/update` and `/model/tag/role/update`: manual tags, and the roles that may tag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from pydantic import BaseModel, Field

from common_ml.errors import PredictionServiceError
from common_ml.service.api.dependencies import allow, server_of
from common_ml.service.api.pipeline.hashes import Hash
from common_ml.service.operations import tags
from common_ml.service.operations.actor import Actor

if TYPE_CHECKING:
    from collections.abc import Callable

router = APIRouter(prefix="/model/tag", tags=["pipeline"])
Tagger = Annotated[Actor, Depends(allow("tag"))]
Username = Annotated[
    str, Query(max_length=200, description="By default yourself; others for an administrator.")
]
Texts = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=100)]
Hashes = Annotated[list[Hash], Field(max_length=1000, examples=[["0" * 32]])]


class TagUpdate(BaseModel):
    """Tags to remove and to add."""

    md5_hashes: Hashes
    remove_tags: Texts = Field(default_factory=list)
    new_tags: Texts = Field(default_factory=list, examples=[["checked"]])


class RoleUpdate(BaseModel):
    """Roles that may tag no more, and that may from now on."""

    md5_hashes: Hashes
    remove_roles: Texts = Field(default_factory=list)
    new_roles: Texts = Field(default_factory=list, examples=[["researcher"]])


@router.post("/update")
def update_tags(
    request: Request, actor: Tagger, body: TagUpdate, username: Username = ""
) -> dict[str, dict[str, Any]]:
    """Change the tags of objects; each has an answer of its own."""
    core, author = server_of(request).core, _author(actor, username)

    def change(md5: str) -> None:
        tags.change(core, actor, [md5], add=body.new_tags, remove=body.remove_tags, for_user=author)

    return _each(body.md5_hashes, change, "Tags updated.")


@router.post("/role/update")
def update_roles(
    request: Request, actor: Tagger, body: RoleUpdate, username: Username = ""
) -> dict[str, dict[str, Any]]:
    """Change the roles that objects are opened to; each has an answer of its own."""
    core, author = server_of(request).core, _author(actor, username)

    def change(md5: str) -> None:
        tags.change_roles(
            core, actor, [md5], add=body.new_roles, remove=body.remove_roles, for_user=author
        )

    return _each(body.md5_hashes, change, "Roles updated.")


def _author(actor: Actor, username: str) -> str | None:
    return None if username in ("", actor.name) else username


def _each(hashes: list[str], change: Callable[[str], None], done: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for md5 in dict.fromkeys(hashes):
        try:
            change(md5)
        except PredictionServiceError as error:
            found[md5] = {"status": "failure", "detail": str(error)}
        else:
            found[md5] = {"status": "success", "detail": done}
    return found
