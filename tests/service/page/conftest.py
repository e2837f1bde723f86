"""The page of a real server with a real worker, in the machine's Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.report.conftest import browser
from tests.service.page.taggers import words_tagger

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

__all__ = ["browser"]
ROOT = Path(__file__).resolve().parents[3]
PASSWORD = "correct horse"  # noqa: S105 - of tests
EXPECTED_COMPLAINTS = re.compile(r"net::ERR|status of (401|404|422|400|502|504)|Failed to fetch")
"""What browsers write about requests that fail on purpose."""


@dataclass
class Site:
    """A running server, and pages of it."""

    folder: Path
    browser: Browser
    stack: ExitStack
    url: str = ""
    token: str = ""
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start the server, at the port it had before."""
        port = self.url.rpartition(":")[2] or "0"
        tagger = words_tagger(self.folder)
        log = self.stack.enter_context((self.folder / "log").open("a"))
        command = [sys.executable, "-m", "tests.service.page.server"]
        process = subprocess.Popen(
            [*command, str(self.folder / "data"), port, str(tagger)],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self.stack.enter_context(process)
        self.stack.callback(process.kill)
        assert process.stdout is not None
        self.process = process
        said = process.stdout.readline().split()
        assert said, (self.folder / "log").read_text()
        self.url, self.token = said[0], "".join(said[1:2])

    def kill(self) -> None:
        """Kill the server, as the system does when memory is short."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def page(self, **options: Any) -> Page:
        """A new browser window; what it complains about fails the test at the end."""
        context = self.browser.new_context(
            **{"viewport": {"width": 1280, "height": 800}, **options}
        )
        context.set_default_timeout(60_000)  # a busy machine is no failure
        self.stack.callback(context.close)
        page = context.new_page()
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))

        def look() -> None:
            assert [text for text in complaints if not EXPECTED_COMPLAINTS.search(text)] == []

        self.stack.callback(look)
        return page

    def log_in(self, name: str = "admin", **options: Any) -> Page:
        """A page of somebody who has logged in by the form."""
        return self.log_in_on(self.page(**options), name)

    def log_in_on(self, page: Page, name: str = "admin") -> Page:
        """The same on a page that there is."""
        page.goto(self.url)
        page.get_by_label("User name").fill(name)
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Log in").click()
        page.locator("#bar").wait_for()
        return page


@pytest.fixture(scope="module")
def site(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server whose administrator has chosen a password by the one-time link."""
    with ExitStack() as stack:
        made = Site(tmp_path_factory.mktemp("site"), browser, stack)
        made.start()
        page = made.page()
        page.goto(f"{made.url}/#setup={made.token}")
        page.get_by_label("Password, at least 8 characters").fill(PASSWORD)
        page.get_by_label("The same again").fill(PASSWORD)
        page.get_by_role("button", name="Set password").click()
        page.locator("#bar").wait_for()
        assert "setup" not in page.url
        page.locator("html[data-models='1']").wait_for()
        page.context.close()
        yield made
