"""One self-contained HTML page that shows a tags file beside its media."""

from __future__ import annotations

import base64
import hashlib
import html
import os
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from common_ml import __version__
from common_ml.errors import OutputError
from common_ml.report.columns import columns, numbered
from common_ml.report.contents import Contents, read_contents
from common_ml.report.entries import MEDIA_LIMIT_BYTES, Entry, entries
from common_ml.report.linking import link

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

ASSETS = resources.files("common_ml.report") / "assets"


@dataclass(frozen=True)
class Written:
    """A page, and what it shows."""

    path: Path
    num_bytes: int
    num_files: int
    num_tags: int
    num_errors: int
    missing: tuple[str, ...]
    """Media that were not found: their tags are shown without them."""
    linked: tuple[str, ...]
    """Media that have to stay where they are, seen from the page."""


def write_page(
    tags_path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    embed: bool = False,
    media: Iterable[str | os.PathLike[str]] = (),
    params: Mapping[str, Any] | None = None,
    media_limit_bytes: int = MEDIA_LIMIT_BYTES,
) -> Written:
    """Write the page of a tags file; it opens from disk, without a server or a network.

    Args:
        tags_path: The tags file; it may still be growing.
        target: The page; one that is there is replaced.
        embed: Whether the page carries small pictures of its tags' moments, and media of at most
            `media_limit_bytes`. Otherwise media are linked, relative to the page.
        media: Folders to look for media in, before the tags file's own, the current one and the
            one above the tags file.
        params: What the tagger was run with, to be shown.
        media_limit_bytes: See `embed`; all media together take at most four times as much.

    Raises:
        OSError: a file cannot be read or written.
        OutputError: the target is the tags file, or one of the media.
        WireError: the tags file is none: there is no message in it.
    """
    tags_path, target = Path(tags_path), Path(target)
    contents = read_contents(tags_path)
    folders = [*map(Path, media), tags_path.parent, Path(), tags_path.parent.parent]
    shown = entries(contents, folders, embed=embed, media_limit_bytes=media_limit_bytes)
    _check_target(target, [tags_path, *(e.media.path for e in shown if e.media.path)])
    title = os.fsencode(tags_path.name).decode(errors="replace")
    blocks = _blocks(title, contents, shown, params=params, folder=target.parent)
    page = _page(title, blocks)
    target.write_bytes(page)
    return Written(
        path=target,
        num_bytes=len(page),
        num_files=len(shown),
        num_tags=contents.num_tags,
        num_errors=len(contents.errors),
        missing=tuple(e.file.source_media for e in shown if e.media.path is None),
        linked=tuple(
            e.file.source_media for e in shown if e.media.path is not None and not e.is_carried
        ),
    )


def _check_target(target: Path, sources: Iterable[Path]) -> None:
    if target.exists():
        for source in sources:
            if target.samefile(source):
                message = f"the page would replace {str(source)!r}: give it another name"
                raise OutputError(message, path=target)


def _blocks(
    title: str,
    contents: Contents,
    shown: Sequence[Entry],
    *,
    params: Mapping[str, Any] | None,
    folder: Path,
) -> Iterator[bytes]:
    """The page's data: one element about all, then each file's tags, and its media if carried."""
    texts = numbered(tag.tag for entry in shown for tag in entry.file.tags)
    tracks = numbered(tag.track for entry in shown for tag in entry.file.tags)
    yield _json_element(
        "page-data",
        {
            "title": title,
            "version": __version__,
            "params": params,
            "texts": list(texts),
            "tracks": list(tracks),
            "errors": [{"file": e.source_media, "message": e.message} for e in contents.errors],
            "files": [entry.to_json(folder) for entry in shown],
        },
    )
    for place, entry in enumerate(shown):
        table = columns(entry.file.tags, texts=texts, tracks=tracks)
        yield _json_element(f"tags-{place}", table)
        if entry.is_carried and entry.media.path is not None:
            data = base64.b64encode(entry.media.path.read_bytes())
            yield b'<script type="text/plain" id="media-%d">%s</script>' % (place, data)


def _json_element(name: str, value: object) -> bytes:
    """JSON inside HTML: nothing in it can end the element, whatever a tag is called."""
    text = orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    for sign, escaped in ((b"<", b"\\u003c"), (b">", b"\\u003e"), (b"&", b"\\u0026")):
        text = text.replace(sign, escaped)
    return b'<script type="application/json" id="%s">%s</script>' % (name.encode(), text)


def _page(title: str, blocks: Iterable[bytes]) -> bytes:
    style, script = _asset("page.css"), _script()
    policy = (
        "default-src 'none'; base-uri 'none'; form-action 'none'; "
        f"script-src {_hash(script)}; style-src {_hash(style)}; "
        "img-src 'self' file: data: blob:; media-src 'self' file: data: blob:"
    )
    parts = {
        "policy": policy,
        "title": html.escape(title),
        "version": html.escape(__version__),
        "style": style,
        "script": script,
    }
    # each place is filled once: what is put in is not searched for places again
    before, after = (
        re.sub(r"\{\{(\w+)\}\}", lambda place: parts[place[1]], half)
        for half in _asset("page.html").split("{{data}}")
    )
    return b"".join([before.encode(), b"\n".join(blocks), after.encode()])


def _hash(text: str) -> str:
    """By which the policy allows one script or style, and none that data might smuggle in."""
    digest = hashlib.sha256(text.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


@cache
def _script() -> str:
    return link(_asset, "main.js")


def _asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")
