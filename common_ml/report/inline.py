"""`show`: display the page of some tags inline in a notebook, or in a browser."""

from __future__ import annotations

import html
import os
import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING

from common_ml.report.page import write_page
from common_ml.tagging.tag_list import Tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath

HEIGHT_PIXELS = 640


class Shown:
    """The page of some tags: displayed by notebooks, else available as a file."""

    def __init__(self, page: str, *, height_pixels: int) -> None:
        """Wrap a page.

        Args:
            page: The whole HTML document, with its media embedded.
            height_pixels: Height of the frame in a notebook.
        """
        self.page = page
        """The HTML document."""
        self._height_pixels = height_pixels
        self._path: Path | None = None

    def save(self, path: StrPath) -> None:
        """Write the page to a file."""
        Path(path).write_text(self.page, encoding="utf-8")

    def open(self) -> Path:
        """Open the page in the browser; return the file in which it is."""
        if self._path is None:
            self._path = Path(tempfile.mkdtemp(prefix="common-ml-page-")) / "tags.html"
            self.save(self._path)
        webbrowser.open(self._path.as_uri())
        return self._path

    def _repr_html_(self) -> str:
        """Return the page in a frame of its own, without access to the notebook around it."""
        return (
            f'<iframe title="tags" srcdoc="{html.escape(self.page)}" '
            'sandbox="allow-scripts allow-downloads" '
            f'style="width: 100%; height: {self._height_pixels}px; border: 1px solid #8884">'
            "</iframe>"
        )

    def __repr__(self) -> str:
        size = f"{len(self.page) / 1e6:.1f} MB"
        if self._path is not None:
            return f"<a page of {size}: {self._path}>"
        return f"<a page of {size}; .open() opens it in a browser, .save(path) writes it>"


def show(
    tags: Tags | Iterable[Message] | StrPath,
    *,
    height_pixels: int = HEIGHT_PIXELS,
) -> Shown:
    """Show tags over their media, on the page of `common-ml view`.

        show(tag_files(MyModel(), "clips/*.mp4"))

    A notebook draws the page where `show` is the last line of a cell. In a terminal it is opened in
    the browser. Media up to 25 MB are in it; of larger ones, pictures of the tags' moments.

    Args:
        tags: What `tag_files` returned, some tags, or the path of a tags file.
        height_pixels: Height in a notebook.

    Raises:
        OSError: a file cannot be read.
        WireError: the path is not of a tags file.
        ValueError: there are no tags and no outcome of a file.
    """
    if isinstance(tags, (str, os.PathLike)):
        shown = Shown(_page_of(Path(tags), media=[]), height_pixels=height_pixels)
    else:
        listed = tags if isinstance(tags, Tags) else Tags(tags)
        if not listed.messages:
            raise ValueError("there is nothing to show: no tags, and no file without them")
        folders = dict.fromkeys(Path(file).absolute().parent for file in listed.files)
        with tempfile.TemporaryDirectory(prefix="common-ml-page-") as folder:
            listed.save(Path(folder) / "tags.jsonl")
            page = _page_of(Path(folder) / "tags.jsonl", media=folders)
        shown = Shown(page, height_pixels=height_pixels)
    if _is_terminal():
        shown.open()
    return shown


def _page_of(tags_path: Path, *, media: Iterable[Path]) -> str:
    with tempfile.TemporaryDirectory(prefix="common-ml-page-") as folder:
        target = Path(folder) / "page.html"
        write_page(tags_path, target, embed=True, media=media)
        return target.read_text(encoding="utf-8")


def _is_terminal() -> bool:
    """Whether this is an interactive prompt without HTML output."""
    is_interactive = hasattr(sys, "ps1") or bool(sys.flags.interactive)
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return is_interactive and not hasattr(shell, "kernel") and sys.stdout.isatty()
