"""Open pages in a browser, and read what they display."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import cv2
import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from playwright.sync_api import Browser, BrowserContext, Locator, Page

    Pixels = npt.NDArray[np.int16]
    """RGB, shape (H, W, 3); signed, so that differences are."""


class Open:
    """Opens pages, and knows what they complained about."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._contexts: list[BrowserContext] = []
        self.complaints: list[str] = []
        self.requests: list[str] = []

    def __call__(
        self,
        path: Path,
        *,
        width: int = 1280,
        height: int = 800,
        scheme: Literal["light", "dark"] = "light",
        fragment: str = "",
    ) -> Page:
        """Opens a page from disk; the fragment begins with `#`."""
        context = self._browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        context.set_default_timeout(60_000)  # a busy machine is no failure
        self._contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.goto(path.absolute().as_uri() + fragment)
        return page

    def close(self) -> None:
        """Closes the pages and looks at what they said."""
        for context in self._contexts:
            context.close()
        assert self.complaints == []
        assert [
            url for url in self.requests if not url.startswith(("file:", "blob:", "data:"))
        ] == []


@dataclass(frozen=True)
class Edges:
    """Where something is, in pixels; the right and lower edge belong to it."""

    left: float
    top: float
    right: float
    bottom: float


def pixels_of(element: Locator) -> Pixels:
    """What an element looks like."""
    data = np.frombuffer(element.screenshot(), np.uint8)
    decoded = cv2.imdecode(data, cv2.IMREAD_COLOR)
    assert decoded is not None
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.int16)


def edges_of(mask: npt.NDArray[np.bool_]) -> Edges:
    """The smallest rectangle around all that is true."""
    assert mask.any(), "nothing of it can be seen"
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Edges(int(columns[0]), int(rows[0]), int(columns[-1]), int(rows[-1]))


def white(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """Where it is (nearly) white."""
    return np.asarray(pixels.min(axis=2) > 200)


def colourful(pixels: Pixels) -> npt.NDArray[np.bool_]:
    """Where it is neither white, grey nor black."""
    return np.asarray(pixels.max(axis=2) - pixels.min(axis=2) > 40)


def seek(page: Page, seconds: float) -> None:
    """Goes to a time and waits until its picture is there."""
    page.evaluate(
        """seconds => new Promise(resolve => {
            const video = document.querySelector("#media video");
            const go = () => {
                video.requestVideoFrameCallback(
                    () => requestAnimationFrame(() => requestAnimationFrame(resolve)));
                commonMl.player.seek(seconds * 1000);
            };
            if (video.readyState >= 2) go();
            else video.addEventListener("loadeddata", go, { once: true });
        })""",
        seconds,
    )


def wait(page: Page, condition: str) -> None:
    """Waits until JavaScript is true; playwright's own way is forbidden by the page's policy."""
    page.evaluate(
        f"""() => new Promise((resolve, reject) => {{
            const late = setTimeout(() => reject(new Error("never came true")), 30_000);
            const look = () => {{
                if (!({condition})) return requestAnimationFrame(look);
                clearTimeout(late);
                resolve();
            }};
            look();
        }})"""
    )


def ready(page: Page) -> None:
    """Waits until the media can be played."""
    wait(page, "document.querySelector('#media > *').readyState >= 2")


def current_time(page: Page) -> float:
    """Seconds, as the media element has it."""
    return float(page.evaluate("document.querySelector('#media > *').currentTime"))


def rows_of(page: Page) -> list[str]:
    """The texts of the tags that the list shows."""
    return page.locator("#tags-list .row:visible .name").all_inner_texts()


def chosen(page: Page) -> Any:
    """The text of the chosen tag, or None."""
    return page.evaluate(
        "commonMl.state.selected < 0 ? null : commonMl.state.table.textOf(commonMl.state.selected)"
    )
