"""Every view of the page by axe-core, in light and dark, in a wide window and on a phone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest

from tests.service.page.packages import source_of

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, ViewportSize

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
FIND = """async rules => {
    document.getAnimations().forEach(one => one.finish?.call && one.cancel());
    const { violations } = await axe.run(document, { runOnly: rules });
    const why = (one, node) => node.any.map(each => each.message)[0] ?? one.help;
    return violations.flatMap(one => one.nodes.map(node =>
        `${one.id}: ${node.html.slice(0, 160)} (${why(one, node)})`));
}"""
WIDE: ViewportSize = {"width": 1280, "height": 800}
PHONE: ViewportSize = {"width": 390, "height": 780}


class Inspector:
    """Asks axe-core about what a page shows, and remembers what it says."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.found: list[str] = []
        self._axe = source_of("axe-core/axe.min.js")

    def look(self, name: str) -> None:
        """Remember what is wrong with what is shown now, in a wide window and on a phone."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(self._axe)
        for window in (PHONE, WIDE):
            self.page.set_viewport_size(window)
            if found := self.page.evaluate(FIND, RULES):
                self.found += [f"{name}, {window['width']} wide: {one}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_any_view(
    site: Site, tmp_path: Path, scheme: Literal["light", "dark"]
) -> None:
    page = site.page(color_scheme=scheme, viewport=WIDE, reduced_motion="reduce")
    inspector = Inspector(page)
    page.goto(site.url)
    page.get_by_label("User name").wait_for()
    inspector.look("login")
    page = site.log_in_on(page)
    (site.folder / "once").unlink(missing_ok=True)
    good, bad = tmp_path / f"good-{scheme}.txt", tmp_path / f"bad-{scheme}.txt"
    good.write_text(f"zebra {scheme}")
    bad.write_text(f"once {scheme}")
    page.locator("#pick-files").set_input_files([good, bad])
    page.locator("#tray-predict").wait_for()
    inspector.look("files and uploads")
    page.locator("#tray-predict").click()
    page.locator(".model-title input").first.check()
    page.locator("[data-name='$.output'] summary").click()
    inspector.look("models to choose")
    page.get_by_role("button", name="Start 2 predictions").click()
    page.locator(".file", has_text=good.name).locator(".chip[data-state='done']").wait_for()
    page.locator(".file", has_text=bad.name).locator(".chip[data-state='failed']").wait_for()
    page.locator("#files-list").press("Control+a")
    page.locator("#selected-count").wait_for()
    inspector.look("selection")
    page.locator("#tag-selected").click()
    page.get_by_label("Add tags").wait_for()
    inspector.look("tags")
    page.keyboard.press("Escape")
    page.locator("#select-none").click()
    page.locator(".file", has_text=good.name).click()
    page.locator("#panel .label").first.wait_for()
    inspector.look("one file")
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    page.locator("dl.keys").wait_for()
    inspector.look("keys")
    page.keyboard.press("Escape")
    for view, shown in VIEWS.items():
        page.goto(f"{site.url}/?{view}")
        page.locator(shown).first.wait_for()
        inspector.look(view)

    assert not inspector.found, "\n".join(inspector.found)


VIEWS = {
    "view=queue": "#queue-list .file",
    "view=models": "#models-view .card",
    "view=account": "#account-view table",
    "view=admin": "#admin-view table",
    "view=admin&state=workers": "#admin-view table",
    "view=admin&state=numbers": "#admin-view dl",
    "view=admin&state=audit": "#admin-view table",
}
