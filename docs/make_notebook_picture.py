"""The picture of docs/walkthrough.ipynb that docs/guide.md shows; run by hand, as below.

    python docs/make_notebook_picture.py

Runs the notebook with a kernel, and draws the cell with `show` and what it shows in Chromium.
"""

from __future__ import annotations

import html
import shutil
import sys
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient
from playwright.sync_api import sync_playwright

DOCS = Path(__file__).resolve().parent
TARGET = DOCS / "images" / "notebook.png"
STYLE = """
body { font: 14px/1.5 sans-serif; margin: 16px; }
pre { background: #f5f5f5; border: 1px solid #ddd; margin: 12px 0; padding: 8px; }
"""
LOADED = "document.querySelector('video')?.readyState >= 2"


def main() -> None:
    """Run the notebook and take the picture."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("there is no chromium on PATH: apt-get install chromium")
    reader: Any = nbformat  # it has no type hints
    notebook = reader.read(DOCS / "walkthrough.ipynb", as_version=4)
    NotebookClient(notebook, resources={"metadata": {"path": str(DOCS)}}).execute()
    (DOCS / "tags.jsonl").unlink()  # its last cell has written it
    shown = [cell for cell in notebook.cells if "show(tags)" in cell.source]
    (output,) = (output for cell in shown for output in cell.outputs)
    source = html.escape(shown[-1].source)
    with sync_playwright() as playwright:
        arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        page = browser.new_page(viewport={"width": 1000, "height": 760})
        page.set_content(
            f"<!doctype html><style>{STYLE}</style><pre>{source}</pre>{output.data['text/html']}"
        )
        page.frames[1].wait_for_function(LOADED)
        page.wait_for_timeout(1000)  # thumbnails and the waveform are drawn
        page.screenshot(path=TARGET)
        browser.close()
    sys.stdout.write(f"{TARGET} has {TARGET.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
