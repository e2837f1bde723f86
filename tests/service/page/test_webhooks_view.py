"""Webhooks on the page: added, called, looked at, removed."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser


class Refusing(BaseHTTPRequestHandler):
    """A target that is broken."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        self.send_error(500)

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


def test_a_webhook_is_added_called_and_removed(site: Site, tmp_path: Path) -> None:
    text = tmp_path / "hooked.txt"
    text.write_text("lynx")
    page = site.log_in()
    target = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    try:
        page.keyboard.press("4")
        page.get_by_label("Address").fill(f"http://127.0.0.1:{target.server_port}/hook")
        page.get_by_label("running", exact=True).check()
        page.get_by_role("button", name="Add webhook").click()
        assert page.locator("dialog .secret").inner_text().startswith("whsec_")
        page.locator("dialog").get_by_label("Close").click()
        row = page.locator("#webhooks tr", has_text="/hook")
        row.get_by_text("done, failed, running").wait_for()
        assert page.get_by_label("Address").input_value() == ""

        page.keyboard.press("1")
        page.locator("#pick-files").set_input_files(text)
        page.locator("#tray-predict").click()
        page.get_by_role("button", name="Start 1 prediction").click()
        page.locator(".file", has_text="hooked.txt").locator("[data-state='done']").wait_for()
        page.keyboard.press("4")
        row.get_by_role("button", name="Calls").click()
        calls = page.locator("dialog td", has_text="500")
        while not calls.count():  # each look is an answer of the server
            page.get_by_role("button", name="Read again").click()
        assert page.locator("dialog td", has_text="waiting").count() >= 1
        page.locator("dialog").get_by_label("Close").click()

        row.get_by_role("button", name="Remove").click()
        page.locator("dialog").get_by_role("button", name="Remove").click()
        page.get_by_text("No webhooks.").wait_for()
        assert page.context.request.get(f"{site.url}/v1/webhooks").json()["items"] == []
    finally:
        target.shutdown()
        target.server_close()


def test_a_refused_address_is_said_in_the_form(site: Site) -> None:
    page = site.log_in()
    page.keyboard.press("4")
    page.get_by_label("Address").fill("http://me:secret@127.0.0.1/hook")
    page.get_by_role("button", name="Add webhook").click()

    page.get_by_text("expected an http or https URL without a password").wait_for()
