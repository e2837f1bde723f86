"""A server on loopback that speaks S3, of moto's.

moto looks whether an object exists and stores it in two steps, so that of two conditional writes
at one time both may win; S3 itself lets one win. Here requests are answered one at a time.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from wsgiref.types import StartResponse, WSGIEnvironment


class S3Server:
    """Serves from construction to `stop`, on 127.0.0.1."""

    def __init__(self, port: int = 0) -> None:
        pytest.importorskip("obstore")
        werkzeug_app: Any = pytest.importorskip("moto.moto_server.werkzeug_app")
        from werkzeug.serving import make_server

        answers = werkzeug_app.DomainDispatcherApplication(werkzeug_app.create_backend_app)
        one_at_a_time = threading.Lock()

        def app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
            with one_at_a_time:
                body: Iterable[bytes] = answers(environ, start_response)
                return body

        self._server = make_server(
            "127.0.0.1",
            port,
            app,
            threaded=True,
            request_handler=werkzeug_app.MotoRequestHandler,
        )
        self.port: int = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Answer what was asked, and close the port."""
        self._server.shutdown()
        self._thread.join()
