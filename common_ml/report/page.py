"""Write a self-contained HTML page that shows a tags file beside its media."""

from __future__ import annotations

import base64
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml import __version__
from common_ml.errors import OutputError
from common_ml.report.columns import attributes, columns, numbered, shown
from common_ml.report.contents import Contents, read_contents
from common_ml.report.document import document, json_element
from common_ml.report.entries import MEDIA_LIMIT_BYTES, PageFile, entries
from common_ml.tagging.tags_file.verdicts import read_verdicts, verdicts_path
from common_ml.utils.whole_file import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence

    from common_ml.report.located import Media
    from common_ml.types import StrPath

    Table = Callable[[PageFile, dict[str, Any]], dict[str, Any]]
    """Modifies the columns of a file."""


@dataclass(frozen=True)
class Written:
    """Summary of a written page."""

    path: Path
    num_bytes: int
    num_files: int
    num_tags: int
    num_errors: int
    missing: tuple[str, ...]
    """Media that were not found: their tags are shown without them."""
    linked: tuple[str, ...]
    """Media that are linked by relative paths."""
    outside: tuple[str, ...] = ()
    """Of those, media that were not embedded because they are outside the given folders."""


def write_page(
    tags_path: StrPath,
    target: StrPath,
    *,
    embed: bool = False,
    media: Iterable[StrPath] = (),
    params: Mapping[str, Any] | None = None,
    media_limit_bytes: int = MEDIA_LIMIT_BYTES,
) -> Written:
    """Write the page of a tags file; it opens from disk, without a server or a network.

    Verdicts of reviewers are taken from `tags.verdicts.jsonl` beside `tags.jsonl`.

    Args:
        tags_path: The tags file; it may still be growing.
        target: The page; an existing one is replaced.
        embed: Whether the page contains small pictures of its tags' moments, and media of at most
            `media_limit_bytes`, if they are below a folder of `media`, the tags file's own, the
            contract's `media` beside that, or the current one (unless this is the home directory
            or the root). Other media are linked, relative to the page.
        media: Folders to look for media in, before the tags file's own, the current one and the
            one above the tags file.
        params: Params of the tagger, to be shown.
        media_limit_bytes: See `embed`; all media together take at most four times as much.

    Raises:
        OSError: a file cannot be read or written.
        OutputError: the target is the tags file, or one of the media.
        WireError: it is not a tags file: it has no message.
    """
    tags_path, target = Path(tags_path), Path(target)
    contents = read_contents(tags_path)
    found = found_near(contents, tags_path, media, embed=embed, media_limit_bytes=media_limit_bytes)
    page = render(tags_path, contents, found, folder=target.parent, facts={"params": params})
    return write_rendered(page, target, contents, found, sources=[tags_path])


def found_near(
    contents: Contents,
    tags_path: Path,
    media: Iterable[StrPath],
    *,
    embed: bool,
    media_limit_bytes: int,
    known: MutableMapping[str, tuple[Media, str]] | None = None,
) -> list[PageFile]:
    """Find the media of a tags file, see `write_page`; for `known` see `entries`."""
    named = [Path(folder) for folder in media]
    return entries(
        contents,
        [*named, tags_path.parent, Path(), tags_path.parent.parent],
        embed=embed,
        media_limit_bytes=media_limit_bytes,
        roots=_roots(named, tags_path),
        known=known,
    )


def render(
    tags_path: Path,
    contents: Contents,
    found: Sequence[PageFile],
    *,
    folder: Path,
    facts: Mapping[str, Any],
    change: Table = lambda _, table: table,
    connects: bool = False,
) -> bytes:
    """Return the page.

    Args:
        tags_path: The tags file, whose name is the title, and beside which its verdicts are.
        contents: Its content.
        found: The files with their media.
        folder: Where the page will be.
        facts: More data of the page, such as params and another title.
        change: Adds columns to those of a file.
        connects: Whether the page may connect to its own server.
    """
    title = os.fsencode(tags_path.name).decode(errors="replace")
    data = {"title": title, "name": tags_path.stem.encode(errors="replace").decode(), **facts}
    blocks = _blocks(data, tags_path, contents, found, folder=folder, change=change)
    return document(data["title"], blocks, connects=connects)


def write_rendered(
    page: bytes,
    target: Path,
    contents: Contents,
    found: Sequence[PageFile],
    *,
    sources: Sequence[Path],
) -> Written:
    """Write the page; refuse to overwrite a file that it shows.

    Raises:
        OSError: it cannot be written.
        OutputError: the target is one of the sources, or one of the media.
    """
    _check_target(target, [*sources, *(e.media.path for e in found if e.media.path)])
    write_whole(target, page)
    return Written(
        path=target,
        num_bytes=len(page),
        num_files=len(found),
        num_tags=contents.num_tags,
        num_errors=len(contents.errors),
        missing=tuple(e.file.source_media for e in found if e.media.path is None),
        linked=tuple(
            e.file.source_media for e in found if e.media.path is not None and not e.is_embedded
        ),
        outside=tuple(e.file.source_media for e in found if e.is_outside),
    )


def _roots(named: Sequence[Path], tags_path: Path) -> list[Path]:
    """Return the folders whose media may be embedded."""
    folder = tags_path.resolve().parent
    too_wide = {Path.home(), Path(folder.anchor)}
    implied = [folder, Path.cwd()]
    return [
        *named,
        *(root for root in implied if root not in too_wide),
        folder.parent / "media",
    ]


def _check_target(target: Path, sources: Iterable[Path]) -> None:
    if target.exists():
        for source in sources:
            if target.samefile(source):
                message = f"the page would replace {str(source)!r}; hint: give it another name"
                raise OutputError(message, path=target)


def _blocks(
    data: Mapping[str, Any],
    tags_path: Path,
    contents: Contents,
    found: Sequence[PageFile],
    *,
    folder: Path,
    change: Table,
) -> Iterator[bytes]:
    """Yield the page's data elements: the summary, then each file's tags and embedded media."""
    reviewed = verdicts_path(tags_path)
    verdicts = read_verdicts(reviewed) if reviewed.exists() else {}
    texts = numbered(tag.tag for entry in found for tag in entry.file.tags)
    tracks = numbered(tag.track for entry in found for tag in entry.file.tags)
    yield json_element(
        "page-data",
        {
            "version": __version__,
            "texts": [*map(shown, texts)],
            "tracks": [*map(shown, tracks)],
            "attributes": attributes(tag for entry in found for tag in entry.file.tags),
            "errors": [
                {"file": e.source_media and shown(e.source_media), "message": shown(e.message)}
                for e in contents.errors
            ],
            "files": [entry.to_json(folder) for entry in found],
            **data,
        },
    )
    for place, entry in enumerate(found):
        table = columns(entry.file.tags, texts=texts, tracks=tracks, verdicts=verdicts)
        yield json_element(f"tags-{place}", change(entry, table))
        if entry.is_embedded and entry.media.path is not None:
            media = base64.b64encode(entry.media.path.read_bytes())
            yield b'<script type="text/plain" id="media-%d">%s</script>' % (place, media)
