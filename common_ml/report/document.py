"""Bundle data, scripts, styles and markup into one self-contained HTML document."""

from __future__ import annotations

import base64
import hashlib
import html
import re
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING

import orjson

from common_ml import __version__
from common_ml.report.linking import link

if TYPE_CHECKING:
    from collections.abc import Iterable

ASSETS = resources.files("common_ml.report") / "assets"
STYLES = ("tokens.css", "page.css")


def document(
    title: str,
    blocks: Iterable[bytes],
    *,
    template: str = "page.html",
    script: str = "main.js",
    styles: tuple[str, ...] = STYLES,
    connects: bool = False,
) -> bytes:
    """Return the document; its content security policy allows only its own script and style.

    Args:
        title: Title of the document.
        blocks: Data elements, such as those of `json_element`.
        template: Name of the markup among the assets.
        script: Name of the module that the script begins with.
        styles: Names of style sheets, in order.
        connects: Whether the script may connect to the document's own server.
    """
    style, joined = "".join(map(asset, styles)), _script(script)
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(joined)}; style-src {_hash(style)}; "
        "img-src 'self' file: data: blob:; media-src 'self' file: data: blob:"
        + ("; connect-src 'self'" if connects else "")
    )
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "version": html.escape(__version__),
        "style": style,
        "script": joined,
    }
    # single pass: inserted text is not searched for placeholders
    before, after = (
        re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], half)
        for half in asset(template).split("{{data}}")
    )
    return b"".join([before.encode(), b"\n".join(blocks), after.encode()])


def json_element(name: str, value: object) -> bytes:
    """Return an element of JSON, escaped for HTML, so that no text in it can end the element."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    for sign, escaped in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        text = text.replace(sign, escaped)
    return b'<script type="application/json" id="%s">%s</script>' % (name.encode(), text)


def asset(name: str) -> str:
    """Return the text of one of the assets."""
    return (ASSETS / name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    """Return the hash by which the content security policy allows a script or style."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _script(entry: str) -> str:
    return link(asset, entry)
