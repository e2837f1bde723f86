"""Streaming parser of multipart forms: files go to disk, limits apply while receiving."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from anyio.to_thread import run_sync
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from common_ml.service.upload.staging import StagedFile, Staging

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Mapping
    from pathlib import Path


class FormError(ValueError):
    """A form is invalid or beyond a limit."""

    def __init__(self, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.status = status
        """HTTP status: 400, 413 or 415."""


@dataclass(frozen=True)
class FormLimits:
    """Limits of a form."""

    total_bytes: int = 2 << 30
    """Maximum bytes of the whole body."""
    files: int = 1000
    field_bytes: int = 64 << 10
    """Maximum bytes of one field's value."""
    fields: int = 1000


@dataclass
class Form:
    """A received form."""

    fields: dict[str, list[str]] = field(default_factory=dict)
    """Values of each field, in order."""
    files: list[StagedFile] = field(default_factory=list)
    """In order; see `discard`."""
    names: list[str] = field(default_factory=list)
    """The field of each file."""

    def value(self, name: str, default: str = "") -> str:
        """Return the last value of a field."""
        return (self.fields.get(name) or [default])[-1]

    def discard(self) -> None:
        """Remove the files that are still staged."""
        for file in self.files:
            file.path.unlink(missing_ok=True)


def check_headers(headers: Mapping[str, str], limits: FormLimits) -> bytes:
    """Return the boundary of a form, before its body is read.

    Raises:
        FormError: it is not a multipart form, or too large by its own Content-Length.
    """
    kind, options = parse_options_header(headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind.lower() != b"multipart/form-data" or not boundary:
        message = (
            f"expected multipart/form-data with a boundary, got {headers.get('content-type', '')!r}"
        )
        raise FormError(message, status=415)
    length = headers.get("content-length", "")
    if length.isascii() and length.isdigit() and int(length) > limits.total_bytes:
        raise _too_large(limits)
    return boundary


async def receive_form(
    chunks: AsyncIterable[bytes],
    *,
    headers: Mapping[str, str],
    folder: Path,
    limits: FormLimits,
) -> Form:
    """Receive a form; its files are hashed while they are written.

    Args:
        chunks: The body.
        headers: Of the request, names in lower case.
        folder: Where files are staged.
        limits: What the form may contain.

    Raises:
        FormError: the form is invalid or beyond a limit; nothing of it is left on disk.
        OSError: the disk is full.
    """
    receiver = _Receiver(check_headers(headers, limits), folder, limits)
    total, pending, gathered = 0, [], 0
    try:
        async for chunk in chunks:
            total += len(chunk)
            if total > limits.total_bytes:
                raise _too_large(limits)
            pending.append(chunk)
            gathered += len(chunk)
            if gathered >= _BATCH_BYTES:  # one thread switch for many small chunks
                await run_sync(receiver.feed, b"".join(pending))
                pending, gathered = [], 0
        await run_sync(receiver.feed, b"".join(pending))
        await run_sync(receiver.end)
    except BaseException:
        receiver.discard()
        raise
    return receiver.form


_BATCH_BYTES = 1 << 20


def _too_large(limits: FormLimits) -> FormError:
    return FormError(
        f"the form is larger than {limits.total_bytes:,} bytes; hint: send large files by tus, "
        "at /v1/uploads",
        status=413,
    )


class _Receiver:
    """The parser's callbacks, which write to disk."""

    def __init__(self, boundary: bytes, folder: Path, limits: FormLimits) -> None:
        self.form = Form()
        self._folder = folder
        self._limits = limits
        self._headers: dict[bytes, bytes] = {}
        self._header_name = b""
        self._header_value = b""
        self._name = ""
        self._value: bytearray | None = None
        self._staging: Staging | None = None
        self._num_fields = 0
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_part_data": self._data,
                    "on_part_end": self._end_part,
                    "on_header_field": self._add_header_name,
                    "on_header_value": self._add_header_value,
                    "on_header_end": self._end_header,
                    "on_headers_finished": self._open_part,
                    "on_end": self._finish,
                },
            )
        except FormParserError as error:
            raise FormError(f"the boundary of the form is invalid: {error}") from error

    def feed(self, data: bytes) -> None:
        """Parse the next bytes."""
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise FormError(f"the form cannot be parsed: {error}") from error

    def end(self) -> None:
        """Check that the form was complete."""
        if not self._complete:
            raise FormError("the form ends before its last boundary")

    def discard(self) -> None:
        """Remove all files."""
        if self._staging is not None:
            self._staging.discard()
        self.form.discard()

    def _begin(self) -> None:
        self._headers = {}
        self._header_name = self._header_value = b""

    def _add_header_name(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _add_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _end_header(self) -> None:
        self._headers[self._header_name.lower()] = self._header_value
        self._header_name = self._header_value = b""

    def _open_part(self) -> None:
        header = self._headers.get(b"content-disposition", b"")
        disposition, options = parse_options_header(header)
        if disposition != b"form-data" or b"name" not in options:
            raise FormError("a part of the form has no `Content-Disposition: form-data; name=...`")
        self._name = options[b"name"].decode("utf-8", "replace")
        if b"filename" not in options:
            self._num_fields += 1
            if self._num_fields > self._limits.fields:
                raise FormError(f"the form has more than {self._limits.fields} fields", status=413)
            self._value = bytearray()
            return
        if len(self.form.files) >= self._limits.files:
            raise FormError(
                f"the form has more than {self._limits.files:,} files; hint: send several forms",
                status=413,
            )
        name = options[b"filename"].decode("utf-8", "replace")
        self._staging = Staging(self._folder, name=name)

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._staging is not None:
            self._staging.write(data[start:end])
        elif self._value is not None:
            self._value += data[start:end]
            if len(self._value) > self._limits.field_bytes:
                raise FormError(
                    f"the field {self._name!r} is larger than {self._limits.field_bytes:,} bytes",
                    status=413,
                )

    def _end_part(self) -> None:
        if self._staging is not None:
            self.form.files.append(self._staging.finish())
            self.form.names.append(self._name)
            self._staging = None
        elif self._value is not None:
            try:
                text = self._value.decode("utf-8")
            except UnicodeDecodeError as error:
                raise FormError(f"the field {self._name!r} is not UTF-8: {error}") from error
            self.form.fields.setdefault(self._name, []).append(text)
            self._value = None

    def _finish(self) -> None:
        self._complete = True
