"""A server that is killed under an open page, and results that are found afterwards."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
IS_DONE = """async (name) => {
  const answer = await fetch("/v1/predictions?state=done");
  return (await answer.json()).items.some((one) => one.file.name === name);
}"""


def test_an_open_page_goes_on_when_the_server_is_back(site: Site, tmp_path: Path) -> None:
    text = tmp_path / "animals.txt"
    text.write_text("zebra heron")
    page = site.log_in()
    site.kill()
    page.locator("#offline").wait_for()
    page.locator("#pick-files").set_input_files(text)  # waits for the server
    site.start()

    page.locator("#tray-title", has_text="1 file uploaded").wait_for()
    page.locator("#offline").wait_for(state="hidden")
    page.locator("#tray-predict").click()
    page.get_by_role("button", name="Start 1 prediction").click()
    page.locator(".file", has_text="animals.txt").locator(".chip[data-state='done']").wait_for()

    page.keyboard.press("/")
    page.keyboard.type("zebra")
    page.wait_for_url("**/?q=zebra")
    page.reload()
    page.locator(".file", has_text="animals.txt").wait_for()
    assert page.locator("#query").input_value() == "zebra"
    page.locator("#files-list").press("Control+a")
    page.locator("#tag-selected").click()
    page.get_by_label("Add tags").fill("seen, night")
    page.get_by_role("button", name="Save").click()
    page.locator(".people-tags", has_text="night").wait_for()
    page.locator("#download-selected").click()
    page.get_by_label("Format").select_option("csv")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download", exact=True).click()
    saved = tmp_path / "saved"
    download.value.save_as(saved)
    assert b"heron" in saved.read_bytes()


def test_what_ends_before_the_first_event_stream_is_seen(site: Site, tmp_path: Path) -> None:
    text = tmp_path / "early.txt"
    text.write_text("otter")
    page = site.page()
    page.route("**/v1/events*", lambda route: route.abort())
    site.log_in_on(page)
    ask_for_prediction(page, text)
    chip = page.locator(".file", has_text="early.txt").locator(".chip")
    chip.wait_for()
    page.wait_for_function(IS_DONE, arg="early.txt")
    page.unroute("**/v1/events*")

    page.locator(".file", has_text="early.txt").locator(".chip[data-state='done']").wait_for()


def test_an_answer_that_is_older_than_an_event_is_not_shown(site: Site, tmp_path: Path) -> None:
    text = tmp_path / "late.txt"
    text.write_text("badger")
    page = site.log_in()
    page.locator("html[data-live='yes']").wait_for()
    done = page.locator(".file", has_text="late.txt").locator(".chip[data-state='done']")

    def hold(route: Route) -> None:
        answer = route.fetch()
        done.wait_for()  # by the event, which was faster
        route.fulfill(response=answer)

    page.route("**/v1/predictions", hold)
    ask_for_prediction(page, text)

    page.locator("dialog").wait_for(state="detached")
    page.evaluate(
        "new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    assert done.is_visible()


def ask_for_prediction(page: Page, path: Path) -> None:
    """Upload a file, and ask its only model for tags."""
    page.locator("#pick-files").set_input_files(path)
    page.locator("#tray-predict").click()
    page.get_by_role("button", name="Start 1 prediction").click()
