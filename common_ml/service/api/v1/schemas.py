"""Request and response schemas of `/v1`."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from common_ml.service.auth.rights import Right, Role

Item = TypeVar("Item")
State = Literal["queued", "running", "done", "failed", "cancelled"]
Kind = Literal["image", "video", "audio", "text", "unknown"]
Sha256 = Annotated[
    str, Field(pattern=r"^[0-9a-f]{64}$", examples=["9f86d081884c7d659a2feaa0c55ad015" * 2])
]
Name = Annotated[str, Field(min_length=1, max_length=200, examples=["ocr"])]
_INT64 = 2**63 - 1


class Document(BaseModel):
    """Base of the documents: unknown members of a request are an error."""

    model_config = ConfigDict(extra="forbid")


class Page(BaseModel, Generic[Item]):
    """A page of a list."""

    items: list[Item]
    next: str | None = Field(None, description="Cursor of the next page; null on the last one.")


class FileDocument(Document):
    """A file."""

    sha256: Sha256
    md5: str = Field(examples=["098f6bcd4621d373cade4e832627b4f6"])
    size: int = Field(description="Bytes.")
    kind: Kind
    name: str = Field(description="The name it was uploaded under last.", examples=["clip.mp4"])
    names: list[str] = Field(description="All names that you have given it.")
    created_at: str = Field(examples=["2026-01-31T12:00:00.000Z"])
    tags: list[str] = Field(description="Tags that people gave it.")
    tag_roles: list[str] = Field(description="Roles that may see and tag it, besides its owners.")
    states: dict[str, int] = Field(
        description="Number of its predictions by state.", examples=[{"done": 2, "queued": 1}]
    )


class FileReference(BaseModel):
    """A file that a prediction is about."""

    sha256: Sha256
    md5: str
    name: str
    kind: Kind


class PredictionDocument(Document):
    """The state of one file with one model."""

    id: str = Field(examples=["17"])
    file: FileReference
    model: str = Field(examples=["ocr"])
    revision: str = Field(description="Image digest or hash of the program that tags.")
    params: dict[str, Any]
    state: State
    stale: bool = Field(description="Whether the model has a newer revision.")
    priority: int
    attempts: int
    progress: float | None = Field(description="0 to 1 while it runs, if known.")
    error: str | None = Field(description="Why it failed.")
    num_tags: int | None = Field(description="Number of tags, once done.")
    has_results: bool = Field(description="Whether tags can be read, also those of before.")
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None = Field(description="Time that the last attempt took.")


class ModelChoice(Document):
    """A model with params of its own."""

    name: Name
    params: dict[str, Any] = Field(default_factory=dict, examples=[{"fps": 2}])


class PredictRequest(Document):
    """Every file with every model."""

    files: list[str] = Field(
        min_length=1,
        max_length=1000,
        description="SHA-256 or MD5 of uploaded files.",
        examples=[["9f86d081884c7d659a2feaa0c55ad015" * 2]],
    )
    models: list[Name | ModelChoice] = Field(min_length=1, max_length=100, examples=[["ocr"]])
    params: dict[str, Any] = Field(
        default_factory=dict, description="For the models without their own.", examples=[{"fps": 2}]
    )
    priority: int = Field(0, ge=-100, le=100, description="Higher ones are begun first.")
    force: bool = Field(False, description="Whether to predict again what is done.")


class Predictions(Document):
    """Predictions, in the order of files, then models."""

    predictions: list[PredictionDocument]


class LookupRequest(Document):
    """Predictions by their ids."""

    ids: list[str] = Field(min_length=1, max_length=1000, examples=[["17", "18"]])


class ModelDocument(Document):
    """A tagger."""

    name: str
    type: list[Kind] = Field(description="Kinds of files that it takes.")
    revision: str
    description: str
    tags: list[str] = Field(description="Keywords given by its author.")
    fields: dict[str, Any] = Field(description="Fields of its results.")
    params: dict[str, Any] = Field(description="JSON Schema of its params.")
    defaults: dict[str, Any] = Field(description="Params of every prediction, unless given.")
    slots: int = Field(description="Files at once on each worker.")
    available: bool = Field(description="Whether a worker runs it now.")
    queued: int
    running: int
    seen_at: str | None


class SearchRequest(Document):
    """A search query; all given conditions must hold."""

    text: str = Field("", max_length=1000, description="Words in labels, tags and names.")
    labels: dict[Name, list[Annotated[str, Field(max_length=1000)]]] = Field(
        default_factory=dict,
        max_length=100,
        description="Model to labels: any of them.",
        examples=[{"ocr": ["WELCOME"]}],
    )
    min_confidence: float | None = Field(None, ge=0, le=1)
    kinds: list[Kind] = Field(default_factory=list, max_length=5)
    models: list[Name] = Field(default_factory=list, max_length=100)
    states: list[State] = Field(default_factory=list, max_length=5)
    tags: list[Annotated[str, Field(max_length=200)]] = Field(default_factory=list, max_length=100)
    limit: int = Field(50, ge=1, le=500)
    cursor: str = Field("", max_length=2048)


class TagsRequest(Document):
    """Tags that people give files, or roles that may give them."""

    files: list[str] = Field(min_length=1, max_length=1000)
    add: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=100, examples=[["checked"]]
    )
    remove: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        default_factory=list, max_length=100
    )


class UploadDocument(Document):
    """A resumable upload."""

    id: str
    name: str
    length: int
    offset: int
    sha256: str
    created_at: str
    expires_at: str
    file: FileDocument | None


class SessionRequest(Document):
    """A login of the page."""

    username: str = Field("", max_length=200, examples=["admin"])
    password: str = Field("", max_length=1024)
    setup: str = Field("", max_length=200, description="The one-time token of the first start.")


class Profile(Document):
    """Who you are."""

    username: str
    roles: list[str]
    rights: list[str]
    has_password: bool


class UserRequest(Document):
    """A new user."""

    username: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]{1,100}$", examples=["ann"])]
    password: str | None = Field(None, min_length=8, max_length=1024)
    roles: list[Role] = Field(["investigator"], max_length=3)


class UserChange(Document):
    """A change of a user; omitted fields stay as they are."""

    password: str | None = Field(None, min_length=8, max_length=1024)
    current_password: str | None = Field(
        None, max_length=1024, description="Needed for your own password, if you have one."
    )
    roles: list[Role] | None = Field(None, max_length=3)
    disabled: bool | None = None


class UserDocument(Document):
    """A user."""

    username: str
    roles: list[str]
    disabled: bool
    created_at: str


class TokenRequest(Document):
    """A new API key."""

    name: str = Field("", max_length=200, examples=["laptop"])
    rights: list[Right] | None = Field(None, description="A subset of yours; null for all.")
    days: int | None = Field(None, ge=1, le=3650, description="Until it expires; null for never.")


class TokenDocument(Document):
    """An API key or session; its secret is only shown when it is made."""

    id: str
    name: str
    kind: str
    rights: list[str]
    created_at: str
    expires_at: str | None
    used_at: str | None
    token: str | None = Field(None, description="The secret, once.")


class WebhookRequest(Document):
    """A new webhook."""

    url: str = Field(max_length=2000, pattern=r"^https?://", examples=["https://example.org/hook"])
    events: list[str] = Field(
        default_factory=lambda: ["prediction.done", "prediction.failed"], max_length=20
    )


class WebhookDocument(Document):
    """A webhook."""

    id: str
    url: str
    events: list[str]
    created_at: str
    failures: int
    secret: str | None = Field(None, description="Of its signatures, once.")


class DeliveryDocument(Document):
    """A delivery to a webhook."""

    id: str
    event: str = Field(description="Id of the event, as in `/v1/events`.")
    state: str = Field(description="waiting, delivered or failed.")
    attempts: int
    error: str | None
    created_at: str


class WorkerDocument(Document):
    """A worker."""

    id: str
    host: str
    pid: int
    models: dict[str, int] = Field(description="Name to the number of taggers at once.")
    started_at: str
    seen_at: str
    alive: bool
    running: int = Field(description="Predictions that it holds.")


class StatsDocument(Document):
    """Statistics of the service."""

    predictions: dict[str, dict[str, int]] = Field(description="By model, then state.")
    files: int
    file_bytes: int
    users: int
    workers: int = Field(description="That are alive.")
    oldest_queued_seconds: float = Field(description="How long the first of the queue waits.")
    webhooks_waiting: int


class ExportRequest(Document):
    """A request to export results of predictions into one file."""

    predictions: list[str] = Field(
        min_length=1, max_length=10_000, description="Their ids.", examples=[["17", "18"]]
    )


class AuditDocument(Document):
    """One audited action."""

    username: str
    action: str = Field(examples=["user.created"])
    object: str
    data: dict[str, Any]
    created_at: str


class LabelDocument(Document):
    """A text that a model has tagged a file with."""

    label: str
    n: int = Field(description="How often.")
    best: float | None = Field(description="The highest confidence, if any.")
