"""Forms that arrive in any pieces, and their limits."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common_ml.service.upload.multipart import Form, FormError, FormLimits, receive_form

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

BOUNDARY = "frontier"


def encoded(fields: list[tuple[str, str]], files: list[tuple[str, str, bytes]]) -> bytes:
    """A form as a browser writes it."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields
    ]
    parts += [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="{file}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, file, content in files
    ]
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def receive(
    body: bytes,
    folder: Path,
    *,
    sizes: list[int] | None = None,
    limits: FormLimits | None = None,
    headers: dict[str, str] | None = None,
) -> Form:
    async def chunks() -> AsyncIterator[bytes]:
        position = 0
        for size in sizes or []:
            yield body[position : position + size]
            position += size
        yield body[position:]

    async def run() -> Form:
        return await receive_form(
            chunks(),
            headers={
                "content-type": f"multipart/form-data; boundary={BOUNDARY}",
                **(headers or {}),
            },
            folder=folder,
            limits=limits or FormLimits(),
        )

    return anyio.run(run)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    contents=st.lists(
        st.binary(max_size=300).map(lambda b: b.replace(b"x", b"\r\n--frontie")), max_size=3
    ),
    value=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=20),
    sizes=st.lists(st.integers(1, 40), max_size=30),
)
def test_a_form_in_any_pieces_is_the_same(
    tmp_path: Path, contents: list[bytes], value: str, sizes: list[int]
) -> None:
    files = [("objects", f"{n}.bin", content) for n, content in enumerate(contents)]
    form = receive(encoded([("models", value)], files), tmp_path, sizes=sizes)

    assert form.fields == {"models": [value]}
    assert [file.path.read_bytes() for file in form.files] == contents
    assert [file.sha256 for file in form.files] == [
        hashlib.sha256(content).hexdigest() for content in contents
    ]
    assert [file.md5 for file in form.files] == [
        hashlib.md5(content).hexdigest()  # noqa: S324 - the pipeline's names of files
        for content in contents
    ]
    form.discard()
    assert [*tmp_path.iterdir()] == []


def test_httpx_writes_a_form_that_is_understood(tmp_path: Path) -> None:
    request = httpx.Request(
        "POST",
        "http://x",
        data={"models": ["a", "b"], "model_type": "image"},
        files=[("objects", ("ü 1.txt", b"hello"))],
    )
    request.read()
    form = receive(request.content, tmp_path, headers=dict(request.headers))

    assert form.fields == {"models": ["a", "b"], "model_type": ["image"]}
    assert [(f.name, f.size, f.kind) for f in form.files] == [("ü 1.txt", 5, "text")]


@pytest.mark.parametrize(
    ("limits", "status", "words"),
    [
        (FormLimits(files=1), 413, "more than 1 files"),
        (FormLimits(field_bytes=2), 413, "larger than 2 bytes"),
        (FormLimits(fields=0), 413, "more than 0 fields"),
        (FormLimits(total_bytes=100), 413, "larger than 100 bytes"),
    ],
)
def test_a_form_beyond_a_limit_leaves_nothing(
    tmp_path: Path, limits: FormLimits, status: int, words: str
) -> None:
    body = encoded([("models", "abc")], [("objects", "a", b"1"), ("objects", "b", b"2")])
    with pytest.raises(FormError, match=words) as caught:
        receive(body, tmp_path, limits=limits)

    assert caught.value.status == status
    assert [*tmp_path.iterdir()] == []


def test_a_length_beyond_the_limit_is_refused_before_the_body(tmp_path: Path) -> None:
    with pytest.raises(FormError) as caught:
        receive(b"", tmp_path, headers={"content-length": str(3 << 30)})

    assert caught.value.status == 413


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", ""])
def test_what_is_not_a_form_is_415(tmp_path: Path, kind: str) -> None:
    with pytest.raises(FormError) as caught:
        receive(b"{}", tmp_path, headers={"content-type": kind})

    assert caught.value.status == 415


@pytest.mark.parametrize("cut", [4, 20, 90, 130])
def test_a_form_that_ends_early_is_an_error_and_leaves_nothing(tmp_path: Path, cut: int) -> None:
    body = encoded([("models", "abc")], [("objects", "a", b"1" * 50)])
    with pytest.raises(FormError, match=r"ends before|cannot be parsed"):
        receive(body[:-cut], tmp_path)

    assert [*tmp_path.iterdir()] == []
