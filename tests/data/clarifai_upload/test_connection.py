"""TLS, and the extra that may be missing."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.data.clarifai_upload import Backoff, library
from common_ml.errors import MissingExtraError
from tests.data.clarifai_upload.helpers import FakeClock, Uploader, plain, states
from tests.data.clarifai_upload.platform import LIBRARY, Platform, serve

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Key and certificate of localhost, in PEM."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl makes the certificate, and is not here")
    folder: Path = tmp_path_factory.mktemp("tls")
    subprocess.run(
        [
            *(openssl, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", "key.pem", "-out", "certificate.pem"),
        ],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return (folder / "key.pem").read_bytes(), (folder / "certificate.pem").read_bytes()


def test_uploads_go_over_tls(certificate: tuple[bytes, bytes]) -> None:
    key, public = certificate
    platform = Platform()
    server = serve(platform, LIBRARY.grpc.ssl_server_credentials([(key, public)]))
    try:
        summary = Uploader(server.base, FakeClock())([plain(1)], root_certificates=public)
    finally:
        server.die()

    assert server.base.startswith("localhost:"), "without a scheme, which means TLS"
    assert states(summary) == ["uploaded"]


def test_a_certificate_that_nobody_vouches_for_is_refused(
    certificate: tuple[bytes, bytes],
) -> None:
    key, public = certificate
    platform = Platform()
    server = serve(platform, LIBRARY.grpc.ssl_server_credentials([(key, public)]))
    try:
        summary = Uploader(server.base, FakeClock())([plain(1)], backoff=Backoff(attempts=2))
    finally:
        server.die()

    assert states(summary) == ["failed"]
    assert platform.calls == [], "no call, so no key, went out"


def test_a_missing_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    library.load.cache_clear()
    monkeypatch.setitem(sys.modules, "clarifai_grpc.grpc.api.service_pb2", None)
    try:
        with pytest.raises(MissingExtraError, match=r"\.\[clarifai\]") as caught:
            Uploader("http://127.0.0.1:1", FakeClock())([plain(1)])
    finally:
        library.load.cache_clear()
    assert caught.value.extra == "clarifai"


def test_importing_the_package_loads_nothing_of_the_extra() -> None:
    script = (
        "import sys, common_ml.data.clarifai_upload\n"
        "print([name for name in ('grpc', 'clarifai_grpc', 'google.protobuf')"
        " if name in sys.modules])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert shown.stdout == "[]\n"
