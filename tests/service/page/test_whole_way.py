"""From files that are dropped to results that equal `common-ml run`'s."""

from __future__ import annotations

import base64
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.service.page.taggers import write_media

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.sync_api import Page, Route

    from tests.service.page.conftest import Site

pytestmark = pytest.mark.browser
NUMBER = 100
BATCH = 40
"""Small files that go together."""
DROP = """files => {
    const data = new DataTransfer();
    for (const { name, base64 } of files) {
        const bytes = Uint8Array.from(atob(base64), one => one.charCodeAt(0));
        data.items.add(new File([bytes], name, { lastModified: 1 }));
    }
    for (const type of ["dragenter", "dragover", "drop"]) {
        document.body.dispatchEvent(
            new DragEvent(type, { dataTransfer: data, bubbles: true, cancelable: true }));
    }
}"""

EXPORT = """ids => fetch("/v1/exports", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ predictions: ids }),
}).then(answer => answer.text())"""


def drop(page: Page, paths: list[Path]) -> None:
    files = [
        {"name": path.name, "base64": base64.b64encode(path.read_bytes()).decode()}
        for path in paths
    ]
    page.evaluate(DROP, files)


def test_a_hundred_files_two_cancelled_one_retried_reload_in_mid_upload(
    site: Site, tmp_path: Path
) -> None:
    paths = write_media(tmp_path / "media", number=NUMBER)
    page = site.log_in(viewport={"width": 1280, "height": 6600})  # all rows are seen
    page.get_by_text("Drop files and folders here").wait_for()

    # the first request ends, the others are under way when the page is loaded again
    forms: list[Route] = []

    def hold_all_but_one(route: Route) -> None:
        forms.append(route)
        if len(forms) == 1:
            route.continue_()

    page.route("**/v1/files", hold_all_but_one)
    page.on("dialog", lambda dialog: dialog.accept())
    drop(page, paths)
    page.locator("#tray-title", has_text=f"Uploading {BATCH} of {NUMBER}").wait_for()
    page.locator(f"#files-list [aria-setsize='{BATCH}']").first.wait_for()
    page.reload()
    page.locator("#tray-title", has_text=f"{NUMBER - BATCH} interrupted").wait_for()
    page.locator(f"#files-list [aria-setsize='{BATCH}']").first.wait_for()
    page.unroute("**/v1/files", hold_all_but_one)
    drop(page, paths)  # the whole folder again
    page.locator("#tray-title", has_text=f"{NUMBER} files uploaded").wait_for()
    page.locator(f"#files-list [aria-setsize='{NUMBER}']").first.wait_for()  # none twice
    page.locator("#tray-predict").click()
    page.get_by_role("button", name=f"Start {NUMBER} predictions").click()

    # the two that wait are cancelled: one runs, and one is queued or runs
    page.locator("#views").get_by_text("Predictions").click()
    page.locator(f"#queue-list[aria-rowcount='{NUMBER}']").wait_for()
    for name in ("000.txt", "003.txt"):
        row = page.locator(".queue", has_text=name)
        row.get_by_role("button", name="Cancel").click()
        row.locator(".chip[data-state='cancelled']").wait_for()
    page.locator(".queue", has_text="006.txt").get_by_text("the first try fails").wait_for()
    page.get_by_role("button", name="Retry failed").click()
    page.locator(".queue", has_text="006.txt").locator(".chip[data-state='done']").wait_for()
    page.locator("#work[data-state='finished']").wait_for(state="attached")
    page.reload()
    page.get_by_role("radio", name="cancelled").click()
    page.locator("#queue-list[aria-rowcount='2']").wait_for()

    client = page.context.request
    listed = client.get(f"{site.url}/v1/predictions?limit=500").json()["items"]
    states = {one["file"]["name"]: one["state"] for one in listed}
    assert {n for n, s in states.items() if s == "cancelled"} == {"000.txt", "003.txt"}
    assert {n for n, s in states.items() if s == "done"} == {p.name for p in paths} - {
        "000.txt",
        "003.txt",
    }
    ids = {one["file"]["name"]: one["id"] for one in listed}
    finished = [path for path in paths if states[path.name] == "done"]
    exported = page.evaluate(EXPORT, [ids[path.name] for path in finished]).encode()
    assert exported == run_lines(site.folder / "words", finished, tmp_path)
    for name in ("001.png", "002.wav", "006.txt", "099.txt"):
        got = client.get(f"{site.url}/v1/predictions/{ids[name]}/tags").body()
        alone = run_lines(site.folder / "words", [tmp_path / "media" / name], tmp_path)
        assert got == alone
        assert got


def run_lines(tagger: Path, paths: list[Path], folder: Path) -> bytes:
    """What `common-ml run` writes, with names in place of paths."""
    output = folder / "run.jsonl"
    output.unlink(missing_ok=True)
    command = [sys.executable, "-m", "common_ml", "run", str(tagger)]
    names = [path.name for path in paths]
    subprocess.run(
        [*command, *names, "--output", str(output)],
        cwd=paths[0].parent,
        check=True,
        capture_output=True,
    )
    return output.read_bytes()
