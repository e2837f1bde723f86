"""Webhooks: signed calls to real servers, retries, and targets that are refused."""

from __future__ import annotations

import itertools
import json
import socket
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import InvalidRequestError, NotFoundError, QuotaError, ServiceError
from common_ml.service.operations import webhooks
from common_ml.service.webhooks import WebhookSender, verify
from common_ml.service.webhooks.sender import MAX_ATTEMPTS, make_call, pause_seconds, take_due
from common_ml.service.webhooks.target import is_public, post
from tests.service.cores import (
    add_file,
    ask,
    claim,
    clock_of,
    finish,
    make_core,
    make_user,
    offer,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from common_ml.service.core import Core


@contextmanager
def receiver(status: int = 200) -> Iterator[tuple[str, Queue[tuple[dict[str, str], bytes]]]]:
    calls: Queue[tuple[dict[str, str], bytes]] = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            calls.put(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(status)
            self.send_header("location", "http://127.0.0.1/elsewhere")
            self.end_headers()

        def log_message(self, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook?x=1", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def open_core(tmp_path: Path) -> Iterator[Core]:
    """A core whose webhooks may reach loopback."""
    with make_core(tmp_path, allow_private_webhooks=True) as core:
        yield core


def test_a_call_is_signed_and_made_once(open_core: Core) -> None:
    ann, bob = make_user(open_core, "ann"), make_user(open_core, "bob")
    offer(open_core)
    with receiver() as (url, calls):
        hook, secret = webhooks.create(open_core, ann, url=url, events=["prediction.done"])
        webhooks.create(open_core, bob, url=url, events=["*"])
        ids = ask(open_core, ann, add_file(open_core, ann, b"x", "a.png").sha256)
        finish(open_core, claim(open_core)[0], num_tags=7)
        with WebhookSender(open_core):
            headers, body = calls.get()

    assert json.loads(body)["type"] == "prediction.done"
    data = json.loads(body)["data"]
    assert (data["id"], data["state"], data["num_tags"]) == (str(ids[0]), "done", 7)
    now = clock_of(open_core).seconds()
    assert verify(secret, headers, body, now=now)
    assert not verify(secret, headers, body + b" ", now=now)
    assert not verify(secret, headers, body, now=now + 301)
    assert not verify("whsec_AAAA", headers, body, now=now)
    assert calls.empty()
    [delivery] = webhooks.deliveries(open_core, ann, hook.id)
    assert (delivery.state, delivery.attempts) == ("delivered", 1)


def test_a_dead_target_is_tried_ever_later_and_holds_up_nobody(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    dead, _ = webhooks.create(any_core, ann, url="http://dead.example/", events=["*"])
    alive, _ = webhooks.create(any_core, ann, url="http://alive.example/", events=["*"])
    ask(any_core, ann, add_file(any_core, ann, b"x", "a.png").sha256)
    sent = []

    def send(url: str, body: bytes, headers: object, **options: object) -> None:
        sent.append((url, json.loads(body)["type"], clock_of(any_core).seconds() - 1e6))
        if "dead" in url:
            raise ServiceError("not reached", url=url)

    def send_due() -> None:
        for call in take_due(any_core, limit=8):
            make_call(any_core, call, send=send)

    send_due()
    [one] = claim(any_core)
    finish(any_core, one)
    while webhooks.deliveries(any_core, ann, dead.id)[-1].state == "waiting":
        send_due()
        clock_of(any_core).advance(1000)

    to_alive = [kind for url, kind, _ in sent if "alive" in url]
    assert to_alive == ["prediction.queued", "prediction.running", "prediction.done"]
    times = [at for url, _, at in sent if "dead" in url]
    assert len(times) == MAX_ATTEMPTS
    assert [
        later - sooner >= pause_seconds(n + 1)
        for n, (sooner, later) in enumerate(itertools.pairwise(times))
    ] == [True] * (MAX_ATTEMPTS - 1)
    first = webhooks.deliveries(any_core, ann, dead.id)[-1]
    assert (first.state, first.attempts, first.error) == ("failed", MAX_ATTEMPTS, "not reached")
    hooks = {hook.id: hook.failures for hook in webhooks.find_all(any_core, ann)}
    assert hooks == {dead.id: MAX_ATTEMPTS, alive.id: 0}


def test_a_call_whose_sender_was_killed_is_made_again(any_core: Core) -> None:
    ann = make_user(any_core, "ann")
    offer(any_core)
    webhooks.create(any_core, ann, url="http://a.example/", events=["*"])
    ask(any_core, ann, add_file(any_core, ann, b"x", "a.png").sha256)

    [first] = take_due(any_core, limit=8)
    assert take_due(any_core, limit=8) == []
    clock_of(any_core).advance(61)
    [again] = take_due(any_core, limit=8)
    assert (again.id, again.attempt) == (first.id, 2)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_anything_but_success_is_a_failure(status: int) -> None:
    with receiver(status) as (url, calls), pytest.raises(ServiceError, match=f"status {status}"):
        post(url, b"{}", {}, allow_private=True)
    assert calls.qsize() == 1


def test_a_server_that_answers_byte_by_byte_is_left() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}/"
        ended = threading.Event()

        def drip() -> None:
            connection, _ = server.accept()
            with connection:
                while not ended.wait(0.05):
                    try:
                        connection.sendall(b"H")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(ServiceError, match="not reached"):
            post(url, b"{}", {}, allow_private=True, timeout_seconds=0.3)
        ended.set()
        thread.join()


def test_private_targets_are_refused() -> None:
    for url in ("http://127.0.0.1:9/", "http://localhost/", "https://[::1]/", "http://10.0.0.1/"):
        with pytest.raises(ServiceError, match="not in the public internet"):
            post(url, b"{}", {}, allow_private=False)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True), ("2001:4860:4860::8888", True), ("127.0.0.1", False), ("::1", False),
        ("169.254.169.254", False), ("192.168.1.1", False), ("172.16.0.1", False),
        ("100.64.0.1", False), ("0.0.0.1", False), ("::ffff:10.0.0.1", False),
        ("64:ff9b::a00:1", False), ("fe80::1%eth0", False), ("fd00::1", False),
        ("224.0.0.1", False), ("2002:0a00:0001::", False),
    ],
)  # fmt: skip
def test_public_addresses(address: str, *, public: bool) -> None:
    assert is_public(address) is public


def test_webhooks_belong_to_their_user(core: Core) -> None:
    ann, bob = make_user(core, "ann"), make_user(core, "bob")
    hook, secret = webhooks.create(core, ann, url="https://a.example/x", events=["*"])
    assert secret.startswith("whsec_")
    assert webhooks.find_all(core, bob) == []
    for act in (webhooks.remove, webhooks.deliveries):
        with pytest.raises(NotFoundError):
            act(core, bob, hook.id)
    webhooks.remove(core, ann, hook.id)
    assert webhooks.find_all(core, ann) == []
    with pytest.raises(InvalidRequestError, match=r"expected an http or https URL.*unknown event"):
        webhooks.create(core, ann, url="ftp://x", events=["no"])
    for _ in range(webhooks.MAX_PER_USER):
        webhooks.create(core, ann, url="https://a.example/x", events=["*"])
    with pytest.raises(QuotaError, match="you have 20 webhooks"):
        webhooks.create(core, ann, url="https://a.example/x", events=["*"])
