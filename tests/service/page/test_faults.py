"""Answers that fail, lists longer than a request, thousands of uploads: nothing is dropped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
NUMBER = 1203
"""More than two requests of a list can bring."""

DRAWN = """new Promise(drawn => setTimeout(
    () => requestAnimationFrame(() => requestAnimationFrame(drawn))))"""
STORE = """async acts => {
    const { PredictionsStore } = await import("/predictions_store.js");
    window.store = new PredictionsStore();
    const seen = new Promise(done => window.store.addEventListener("change", () => {
        const [expected] = acts.expected;
        const states = [...window.store.byId.values()].map(one => one.state);
        if (states.length === acts.expected.length && states.every(one => one === expected)) done();
    }));
    window.store.add(acts.known, window.store.now());
    for (const event of acts.events) window.store.apply(event);
    if (acts.refresh) window.store.refresh();
    await seen;
    return window.store.tally;
}"""

BLANK = {
    "model": "words",
    "params": {},
    "revision": "1",
    "stale": False,
    "attempts": 1,
    "progress": None,
    "error": None,
    "num_tags": None,
    "has_results": False,
    "created_at": "2020-01-01T00:00:00Z",
}


def prediction(number: int, state: str = "done") -> dict[str, Any]:
    file = {"sha256": f"{number:064x}", "md5": "", "name": f"{number}.txt", "kind": "text"}
    return {**BLANK, "id": str(number), "file": file, "state": state}


def answering(requests: list[Any], answer: Callable[[Any], Any]) -> Callable[[Route], None]:
    """Answer requests by `answer`; numbers are statuses."""

    def fulfill(route: Route) -> None:
        body = route.request.post_data_json
        requests.append(body)
        found = answer(body)
        if isinstance(found, int):
            route.fulfill(status=found, body=json.dumps({"detail": "made by the test"}))
        else:
            route.fulfill(body=json.dumps(found), content_type="application/json")

    return fulfill


@pytest.fixture
def blank(site: Site) -> Page:
    """A page of the server with nothing running in it."""
    page = site.page()
    page.goto(f"{site.url}/tables.js")
    return page


def test_an_event_is_followed_up_until_the_server_has_answered(blank: Page) -> None:
    requests: list[Any] = []

    def answer(body: Any) -> Any:
        is_first = len(requests) == 1
        return 400 if is_first else {"predictions": [prediction(int(i)) for i in body["ids"]]}

    blank.route("**/v1/predictions:lookup", answering(requests, answer))
    event = {"id": "7", "model": "words", "sha256": "7", "state": "done"}

    blank.evaluate(STORE, {"known": [], "events": [event], "expected": ["done"]})

    assert [body["ids"] for body in requests] == [["7"], ["7"]]


def test_one_that_is_gone_does_not_hide_the_others(blank: Page) -> None:
    requests: list[Any] = []

    def answer(body: Any) -> Any:
        return (
            404
            if "2" in body["ids"]
            else {"predictions": [prediction(int(i)) for i in body["ids"]]}
        )

    blank.route("**/v1/predictions:lookup", answering(requests, answer))
    blank.route("**/v1/predictions?**", answering([], lambda _: {"items": [], "next": None}))
    known = [prediction(number, "running") for number in range(5)]

    tally = blank.evaluate(
        STORE, {"known": known, "events": [], "refresh": True, "expected": ["done"] * 4}
    )

    assert (tally["all"], tally["finished"]) == (4, 4)
    assert len(requests) < 8


def test_all_that_is_unfinished_is_learnt_after_a_gap(blank: Page) -> None:
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 2:  # the second page, at first
            route.fulfill(status=400, body="{}")
            return
        first = int(route.request.url.partition("cursor=")[2] or 0)
        numbers = range(first, min(first + 500, NUMBER))
        document = {
            "items": [prediction(number, "queued") for number in numbers],
            "next": str(first + 500) if first + 500 < NUMBER else None,
        }
        route.fulfill(body=json.dumps(document), content_type="application/json")

    blank.route("**/v1/predictions?**", answer)

    tally = blank.evaluate(
        STORE, {"known": [], "events": [], "refresh": True, "expected": ["queued"] * NUMBER}
    )

    assert tally["all"] == NUMBER


@pytest.mark.parametrize(("view", "path"), [("queue", "predictions"), ("files", "files")])
def test_a_list_that_is_read_again_stays_as_long_as_it_was(
    site: Site, view: str, path: str
) -> None:
    page = site.page()
    lists = ListOfThousands(page, path)
    site.log_in_on(page)
    page.goto(f"{site.url}/?view={view}")
    lists.scroll_to_the_end(view)

    with page.expect_response(lambda r: f"/v1/{path}?" in r.url and "cursor=1000" in r.url):
        lists.make_gap()
    page.evaluate(DRAWN)

    row = page.locator(f"[aria-rowindex='{NUMBER}'], [aria-posinset='{NUMBER}']")
    assert row.is_visible()


class ListOfThousands:
    """A list of the server that is made up by the test."""

    def __init__(self, page: Page, path: str) -> None:
        self.page = page
        self.path = path
        self.gaps: list[Route] = []
        page.route(f"**/v1/{path}?**", self._answer)
        page.route("**/v1/events*", self._hold)

    def _hold(self, route: Route) -> None:
        self.gaps.append(route)

    def make_gap(self) -> None:
        """Events may have been missed: the page reads its lists again."""
        self.gaps.pop().fulfill(body="retry: 60000\n\n", content_type="text/event-stream")

    def _answer(self, route: Route) -> None:
        if "state=" in route.request.url:
            route.fulfill(body='{"items": [], "next": null}', content_type="application/json")
            return
        first = int(route.request.url.partition("cursor=")[2].partition("&")[0] or 0)
        limit = int(route.request.url.partition("limit=")[2].partition("&")[0])
        numbers = range(first, min(first + limit, NUMBER))
        items = [prediction(number) for number in numbers]
        if self.path == "files":
            items = [
                {**one["file"], "size": 1, "names": [], "tags": [], "tag_roles": [], "states": {}}
                for one in items
            ]
        following = str(first + limit) if first + limit < NUMBER else None
        document = {"items": items, "next": following}
        route.fulfill(body=json.dumps(document), content_type="application/json")

    def scroll_to_the_end(self, view: str) -> None:
        for number in (*range(200, NUMBER, 200), NUMBER):
            size = f"#{view}-list[aria-rowcount='{number}'], #{view}-list [aria-setsize='{number}']"
            self.page.locator(size).first.wait_for()
            self.page.locator(f"#{view}-list").evaluate("list => list.scrollTop = 1e6")


def test_thousands_of_pending_uploads_outlive_a_reload(site: Site) -> None:
    number = 6000
    page = site.log_in()
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/v1/files", lambda route: None)  # none ends
    page.evaluate(
        """number => {
            const data = new DataTransfer();
            for (let one = 0; one < number; one += 1)
                data.items.add(new File([`text ${one}`], `name ${one}.txt`, { lastModified: one }));
            document.querySelector("#pick-files").files = data.files;
            document.querySelector("#pick-files").dispatchEvent(new Event("change"));
        }""",
        number,
    )
    page.locator("#tray-title", has_text="Uploading 0 of 6,000").wait_for()

    page.reload()

    page.locator("#tray-title", has_text="6,000 interrupted").wait_for()
    page.locator("#tray-clear").click()
    page.reload()
    page.locator("#bar").wait_for()
    assert page.locator("#tray").is_hidden()


def test_a_page_that_is_loaded_while_the_server_is_away_goes_on_when_it_is_back(site: Site) -> None:
    page = site.log_in()
    asked: list[Route] = []

    def lose(route: Route) -> None:
        asked.append(route)
        if len(asked) <= 6:  # one more than a request is repeated
            route.abort()
        else:
            route.continue_()

    page.route("**/v1/session", lose)
    page.reload()
    page.locator("#offline").wait_for()
    page.locator("#bar").wait_for()
    page.locator("#offline").wait_for(state="hidden")

    assert len(asked) == 7


def test_answers_of_a_proxy_without_its_server_are_repeated(blank: Page) -> None:
    statuses = [502, 504]

    def answer(route: Route) -> None:
        status = statuses.pop(0) if statuses else 200
        route.fulfill(status=status, body='{"items": []}', content_type="application/json")

    blank.route("**/v1/models", answer)

    found = blank.evaluate("import('/api.js').then(({ call }) => call('GET', '/v1/models'))")

    assert found == {"items": []}


def test_uploads_of_another_open_window_are_left_to_it(site: Site) -> None:
    page = site.log_in()
    page.on("dialog", lambda dialog: dialog.accept())
    page.route("**/v1/files", lambda route: None)  # it does not end
    page.locator("#pick-files").set_input_files(
        {"name": "elsewhere.txt", "mimeType": "text/plain", "buffer": b"not here"}
    )
    page.locator("#tray-title", has_text="Uploading 0 of 1").wait_for()

    other = page.context.new_page()
    other.goto(site.url)
    other.locator("html[data-live='yes']").wait_for()
    assert other.locator("#tray").is_hidden()
    page.close()
    other.reload()
    other.locator("#tray-title", has_text="1 interrupted").wait_for()


def test_a_page_that_does_not_come_by_https_does_all(site: Site, tmp_path: Path) -> None:
    page = site.page()
    page.add_init_script(
        """for (const [of, name] of [[Crypto, "randomUUID"], [Navigator, "clipboard"],
            [Navigator, "locks"], [Crypto, "subtle"]]) delete of.prototype[name];"""
    )
    site.log_in_on(page)
    text = tmp_path / "plain.txt"
    text.write_text("ibex")
    page.locator("#pick-files").set_input_files(text)
    page.locator("#tray-predict").click()
    page.get_by_role("button", name="Start 1 prediction").click()
    page.locator(".file", has_text="plain.txt").locator(".chip[data-state='done']").wait_for()
    page.keyboard.press("4")
    page.get_by_label("Name", exact=True).fill("laptop")
    page.get_by_role("button", name="Make a key").click()
    page.get_by_role("button", name="Copy", exact=True).click()
    page.get_by_text("Selected: press Ctrl C").wait_for()
    secret = page.locator("dialog .secret").inner_text()
    assert page.evaluate("getSelection().toString()") == secret
