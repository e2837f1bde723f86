"""Uploads that go on after a reload, params by form, roles, narrow and dark windows, keys alone."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

import pytest

from tests.service.page.conftest import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
LARGE = 20 << 20  # two requests of tus


def test_a_reload_in_mid_upload_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(LARGE))
    page = site.log_in()
    offsets = []

    def note(route: object) -> None:
        offset = route.request.headers["upload-offset"]  # type: ignore[attr-defined] # of playwright
        offsets.append(int(offset))
        if len(offsets) == 2:
            route.abort()  # type: ignore[attr-defined] # the connection is lost
        else:
            route.continue_()  # type: ignore[attr-defined] # as above

    page.route(
        "**/v1/uploads/*", lambda r: note(r) if r.request.method == "PATCH" else r.continue_()
    )
    page.on("dialog", lambda dialog: dialog.accept())
    page.locator("#pick-files").set_input_files(path)
    page.wait_for_event("requestfailed", predicate=lambda request: request.method == "PATCH")
    page.reload()
    page.get_by_text("choose this file again to go on").wait_for()
    page.locator("#pick-files").set_input_files(path)
    page.locator("#tray-title", has_text="1 file uploaded").wait_for()

    assert offsets[:2] == [0, 16 << 20]
    assert set(offsets[2:]) == {16 << 20}  # nothing is sent twice
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    found = page.context.request.get(f"{site.url}/v1/files/{digest}").json()
    assert (found["size"], found["name"]) == (LARGE, "large.bin")


def test_params_by_form_with_keys_alone_in_a_dark_phone(site: Site, tmp_path: Path) -> None:
    text = tmp_path / "poem.txt"
    text.write_text("one two")
    page = site.log_in(
        viewport={"width": 390, "height": 780}, color_scheme="dark", reduced_motion="reduce"
    )
    page.locator("#pick-files").set_input_files(text)
    page.locator(".file", has_text="poem.txt").wait_for()
    page.locator("#tray-clear").press("Enter")
    page.locator("#files-list").press("Home")
    page.keyboard.press("Space")
    page.locator("#selected-count", has_text="1 selected").wait_for()
    page.locator("#predict").press("Enter")

    page.locator("[data-name='$.prefix'] input").fill("a-")
    page.locator("[data-name='$.case'] select").select_option(label="upper")
    page.locator("[data-name='$.weights'] summary").press("Enter")
    page.get_by_role("button", name="+ Add").press("Enter")
    page.keyboard.type("0.5")
    page.locator("[data-name='$.output'] summary").press("Enter")
    below = page.locator("[data-name='$.output.below'] input")
    below.evaluate("input => input.removeAttribute('max')")  # the server checks it, too
    below.fill("3")
    page.locator("[data-name='$.output.reverse'] input").press("Space")
    start = page.get_by_role("button", name="Start 1 prediction")
    start.press("Enter")
    page.get_by_text("must be <= 1, got 3").wait_for()
    below.fill("1")
    start.press("Enter")
    page.locator("dialog").wait_for(state="detached")
    page.locator("#files-list").press("Enter")
    page.locator("#panel .chip[data-state='done']").wait_for()

    labels = page.locator("#panel .label")
    labels.first.wait_for()
    assert sorted(text.split()[0] for text in labels.all_inner_texts()) == ["a-ONE", "a-TWO"]
    shown = page.locator("#panel .prediction").inner_text()
    assert '"output":{"below":1,"reverse":true}' in shown
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb(14, 16, 20)"


def test_a_researcher_sees_neither_uploads_nor_administration(site: Site) -> None:
    page = site.log_in()
    page.goto(f"{site.url}/?view=admin")
    page.get_by_label("User name").fill("rita")
    page.get_by_label("Password, at least 8 characters").fill(PASSWORD)
    page.get_by_label("Role").select_option("researcher")
    page.get_by_role("button", name="Add user").click()
    page.locator("td", has_text="rita").wait_for()
    page.get_by_role("button", name="Log out").click()
    page.get_by_role("button", name="Log in").wait_for()

    other = site.log_in("rita")
    other.get_by_text("No files are open to you yet").wait_for()
    assert other.locator("#views a").all_inner_texts() == [
        "Files",
        "Predictions",
        "Models",
        "Account",
    ]
    assert not other.locator("#add-files").is_visible()
