"""Credentials of an upload: key, user and app. The key is never shown."""

from __future__ import annotations

from dataclasses import dataclass, field

from common_ml.errors import UploadError


@dataclass(frozen=True)
class Account:
    """A personal access token and the app that receives the inputs.

    Raises:
        UploadError: one of them is empty or not valid in a header; the key is never shown.
    """

    key: str = field(repr=False)
    """Personal access token."""
    user_id: str
    """Owner of the app."""
    app_id: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "key", self.key.strip())
        if not self.key:
            raise UploadError("the key is empty: give --key, or set CLARIFAI_PAT")
        if not (self.key.isascii() and self.key.isprintable()) or " " in self.key:
            raise UploadError(
                "the key holds blanks or signs that no personal access token has: copy it again"
            )
        for name in ("user_id", "app_id"):
            if not getattr(self, name).strip():
                option = name.replace("_", "-")
                raise UploadError(
                    f"{name} is empty: give --{option}, or set CLARIFAI_{name.upper()}"
                )

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        """The metadata of every call."""
        return (("authorization", f"Key {self.key}"),)

    def redacted(self, text: str) -> str:
        """Redact the key in a text, should a server repeat it."""
        return text.replace(self.key, "***")
