"""The pictures of the service's page that docs/ shows; run by hand, as below.

    python docs/make_service_pictures.py

Serves the OCR and shots examples, uploads the example's media by the page, and takes pictures.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PASSWORD = "correct horse"  # noqa: S105 - of a server that ends with this program
MAX_BYTES = 300_000


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as data, sync_playwright() as playwright:
        taggers = ["examples/ocr", "examples/shots"]
        process = subprocess.Popen(
            [sys.executable, "-m", "common_ml", "serve", *taggers, "--data", data, "--port", "0"],
            cwd=ROOT,
            env={**os.environ, "COMMON_ML_ADMIN_PASSWORD": PASSWORD},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            found = re.search(r"http\S+", process.stdout.readline() if process.stdout else "")
            if found is None:
                sys.exit("the server did not start")
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            page = browser.new_page(viewport={"width": 1280, "height": 800})
            take_all(page, found[0])
        finally:
            process.terminate()
            process.wait()


def take_all(page: Page, url: str) -> None:
    """Go through the page, and keep what it looks like."""
    page.set_default_timeout(600_000)  # OCR of a page of text
    page.goto(url)
    page.get_by_label("User name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.locator("html[data-models='2']").wait_for()
    pictures = sorted((ROOT / "docs" / "images").glob("view-*.png"))
    clip = ROOT / "examples" / "media" / "clip.mp4"
    page.locator("#pick-files").set_input_files([ROOT / "README.md", *pictures, clip])
    page.locator("#tray-predict").wait_for()
    page.locator("#tray-predict").click()
    for tick in page.locator(".model-title input").all():
        tick.check()
    page.locator("details.nested summary").first.wait_for()
    take(page, "service-params")
    page.locator("dialog button[type=submit]").click()
    page.locator("#work[data-state='finished']").wait_for(state="attached")
    page.locator("#files-list .file", has_text="clip.mp4").click()
    page.locator("#panel .label").first.wait_for()
    take(page, "service-files")
    page.emulate_media(color_scheme="dark")
    page.set_viewport_size({"width": 390, "height": 780})
    take(page, "service-phone")


def take(page: Page, name: str) -> None:
    """Keep one picture."""
    path = IMAGES / f"{name}.png"
    page.screenshot(path=path)
    if path.stat().st_size > MAX_BYTES:
        sys.exit(f"{path} is larger than {MAX_BYTES} bytes")


if __name__ == "__main__":
    main()
