"""tus, spoken by a client that is not ours, in a browser: tus-js-client."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from tests.service.page.packages import source_of

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
SIZE = 3 << 20
CHUNK = 1 << 18

MAKE = """([size, chunk]) => {
    const value = (_, place) => (place * 31 + (place >> 8)) % 251;
    const bytes = Uint8Array.from({ length: size }, value);
    window.file = new File([bytes], "from tus-js-client é.bin", { lastModified: 1 });
    window.upload = (options = {}) => new tus.Upload(file, {
        endpoint: "/v1/uploads",
        chunkSize: chunk,
        metadata: { filename: file.name },
        retryDelays: [0, 10, 50],
        ...options,
    });
    window.finished = (options) => new Promise((onSuccess, onError) => {
        window.upload({ ...options, onSuccess, onError }).start();
    });
}"""
STOP_AT_HALF = """size => new Promise((resolve, onError) => {
    const one = upload({
        onError,
        onChunkComplete: (_, accepted) => {
            if (accepted < size / 2 || window.stopped) return;
            window.stopped = accepted;
            one.abort().then(() => resolve(accepted));
        },
    });
    one.start();
})"""
RESUME = """() => new Promise((resolve, onError) => {
    const offsets = [];
    const one = upload({
        onError,
        onSuccess: () => resolve(offsets),
        onChunkComplete: (_, accepted) => offsets.push(accepted),
    });
    one.findPreviousUploads().then(found => {
        if (found.length !== 1) onError(new Error(`${found.length} uploads are remembered`));
        one.resumeFromPreviousUpload(found[0]);
        one.start();
    });
})"""
END = """() => new Promise((resolve, onError) => {
    const one = upload({
        onError,
        onChunkComplete: () => one.abort(true).then(() => resolve(one.url), onError),
    });
    one.start();
})"""


@pytest.fixture
def client(site: Site) -> Page:
    """A page of the server's origin with the client in it, of somebody who is logged in."""
    page = site.log_in()
    page.goto(f"{site.url}/tables.js")
    page.evaluate(source_of("tus-js-client/dist/tus.min.js"))
    page.evaluate(MAKE, [SIZE, CHUNK])
    return page


def content() -> bytes:
    """What the page uploads."""
    return bytes((place * 31 + (place >> 8)) % 251 for place in range(SIZE))


def test_an_upload_is_stopped_and_resumed_where_it_was(site: Site, client: Page) -> None:
    accepted = client.evaluate(STOP_AT_HALF, SIZE)
    offsets = client.evaluate(RESUME)

    assert accepted >= SIZE // 2
    assert offsets[0] == accepted + CHUNK
    assert offsets[-1] == SIZE
    digest = hashlib.sha256(content()).hexdigest()
    found = client.context.request.get(f"{site.url}/v1/files/{digest}").json()
    assert (found["name"], found["size"]) == ("from tus-js-client é.bin", SIZE)
    got = client.context.request.get(f"{site.url}/v1/files/{digest}/content").body()
    assert got == content()


def test_lost_connections_are_retried(site: Site, client: Page) -> None:
    lost = []

    def lose_every_third(route: object) -> None:
        lost.append(route)
        if len(lost) % 3 == 0:
            route.abort()  # type: ignore[attr-defined] # of playwright
        else:
            route.continue_()  # type: ignore[attr-defined] # as above

    client.route("**/v1/uploads/*", lose_every_third)
    client.evaluate("() => finished({ metadata: { filename: 'retried.bin' } })")

    assert len(lost) > SIZE // CHUNK
    digest = hashlib.sha256(content()).hexdigest()
    found = client.context.request.get(f"{site.url}/v1/files/{digest}").json()
    assert "retried.bin" in found["names"]


def test_an_upload_that_is_ended_is_gone(site: Site, client: Page) -> None:
    address = client.evaluate(END)

    answer = client.context.request.head(
        address if "://" in address else site.url + address,
        headers={"tus-resumable": "1.0.0"},
    )
    assert answer.status in (404, 410)


def test_an_empty_file_is_complete_at_once(site: Site, client: Page) -> None:
    client.evaluate(
        """() => { window.file = new File([], "empty", { lastModified: 2 }); return finished(); }"""
    )

    digest = hashlib.sha256(b"").hexdigest()
    found = client.context.request.get(f"{site.url}/v1/files/{digest}").json()
    assert found["size"] == 0
