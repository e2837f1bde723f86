"""Write a page that compares two runs of a tagger: tags that are the same, moved, new or gone."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import OutputError
from common_ml.report.contents import Contents, TaggedFile, read_contents
from common_ml.report.difference import LEAST_OVERLAP, Difference, compare, same_files
from common_ml.report.entries import MEDIA_LIMIT_BYTES, PageFile
from common_ml.report.page import Written, found_near, render, write_rendered

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from common_ml.tagging.messages import Tag
    from common_ml.types import StrPath

Change = Literal["same", "moved", "new", "gone"]
CHANGES: tuple[Change, ...] = ("same", "moved", "new", "gone")
BOTH, BEFORE, AFTER = 0, 1, 2
"""Which of the two runs contains a tag of the page."""


@dataclass(frozen=True, eq=False)
class Compared:
    """A tag on the page of two runs."""

    tag: Tag
    change: Change
    side: int
    """BOTH, BEFORE or AFTER."""
    partner: Compared | None = None
    """The earlier version of a moved tag."""
    overlap: float = 1.0


@dataclass
class _File:
    """A file of both runs."""

    tags: list[Compared] = field(default_factory=list)

    @property
    def num_listed(self) -> int:
        """Number of tags, where a moved one counts once."""
        return sum(one.change != "moved" or one.side == AFTER for one in self.tags)

    def in_order(self) -> list[Compared]:
        return sorted(
            self.tags, key=lambda one: (one.tag.start_time, one.tag.end_time, one.side != BEFORE)
        )


def write_comparison(
    before: StrPath,
    after: StrPath,
    target: StrPath,
    *,
    embed: bool = False,
    media: Iterable[StrPath] = (),
    params: Mapping[str, Any] | None = None,
    media_limit_bytes: int = MEDIA_LIMIT_BYTES,
    least_overlap: float = LEAST_OVERLAP,
) -> Written:
    """Write the page of two runs; tags are matched as by `compare`.

    Args:
        before: The tags file of one run.
        after: That of a later one; verdicts are about its tags.
        target: The page; an existing one is replaced.
        embed: As for `write_page`, as are `media`, `params` and `media_limit_bytes`.
        media: Folders to look for media in.
        params: Params of the tagger, to be shown.
        media_limit_bytes: See `write_page`.
        least_overlap: Minimum overlap of two tags that count as the same.

    Raises:
        OSError: a file cannot be read or written.
        OutputError: the target is one of the tags files, or one of the media.
        WireError: a line is not a message.
    """
    before, after, target = Path(before), Path(after), Path(target)
    if target.exists() and any(target.samefile(source) for source in (before, after)):
        raise OutputError(
            f"the page would replace {str(target)!r}; hint: give it another name", path=target
        )
    runs = TwoRuns.read(before, after, least_overlap=least_overlap)
    contents = runs.contents
    found = found_near(contents, after, media, embed=embed, media_limit_bytes=media_limit_bytes)
    facts = {"params": params, "files": [entry.to_json(target.parent) for entry in found]}
    page = render(
        after,
        contents,
        found,
        folder=target.parent,
        facts=runs.facts(facts),
        change=runs.with_changes,
    )
    return write_rendered(page, target, contents, found, sources=[before, after])


@dataclass(frozen=True)
class TwoRuns:
    """The data of a page of two runs."""

    before: Path
    after: Path
    contents: Contents
    """Both runs as the content of one file."""
    _difference: Difference
    _files: Mapping[str, _File]
    _renamed: Mapping[str, str]

    @classmethod
    def read(cls, before: Path, after: Path, *, least_overlap: float = LEAST_OVERLAP) -> TwoRuns:
        """Read and compare; see `write_comparison`."""
        difference = compare(before, after, least_overlap=least_overlap)
        first, second = read_contents(before), read_contents(after)
        renamed = _renamed(first, second)
        files = _files_of(difference, first, second, renamed)
        return cls(before, after, _joined(files, first, second), difference, files, renamed)

    def facts(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Add the difference to the data of a page, whose `files` are those of `contents`."""
        counts = self._difference.counts
        listed = [file.num_listed for file in self._files.values()]
        return {
            **facts,
            "title": f"{_shown(self.before)} → {_shown(self.after)}",
            "files": [
                {**file, "tags": tags} for file, tags in zip(facts["files"], listed, strict=True)
            ],
            "compare": {
                "same": counts.same,
                "moved": counts.moved,
                "new": counts.added,
                "gone": counts.gone,
                "share": self._difference.share,
            },
            "states": {
                self._renamed.get(one.source_media, one.source_media): [one.before, one.after]
                for one in self._difference.changed_files
            },
        }

    def with_changes(self, entry: PageFile, table: dict[str, Any]) -> dict[str, Any]:
        """Add the columns of changes to those of a file."""
        return {**table, **_columns(entry, self._files)}


def _shown(path: Path) -> str:
    return os.fsencode(path.name).decode(errors="replace")


def _renamed(first: Contents, second: Contents) -> dict[str, str]:
    """Map names of the first run to those of the second, where only folders differ."""
    names = same_files(
        sorted(file.source_media for file in first.files),
        sorted(file.source_media for file in second.files),
    )
    return {before: after for after, before in names.items()}


def _files_of(
    difference: Difference, first: Contents, second: Contents, renamed: Mapping[str, str]
) -> dict[str, _File]:
    """Return the files of both runs, by the names of the second one where it has them."""
    listed = [renamed.get(file.source_media, file.source_media) for file in first.files]
    listed += [file.source_media for file in second.files]
    files = {name: _File() for name in dict.fromkeys(listed)}

    def put(one: Compared) -> None:
        name = one.tag.source_media
        files[renamed.get(name, name) if one.side == BEFORE else name].tags.append(one)

    for tag in difference.same:
        put(Compared(tag, "same", BOTH))
    for moved in difference.moved:
        was = Compared(moved.before, "moved", BEFORE)
        put(was)
        put(Compared(moved.after, "moved", AFTER, was, moved.overlap))
    for tag in difference.added:
        put(Compared(tag, "new", AFTER))
    for tag in difference.gone:
        put(Compared(tag, "gone", BEFORE))
    return files


def _joined(files: Mapping[str, _File], first: Contents, second: Contents) -> Contents:
    """Return both runs as the content of one file; the outcome of a file is that of the second."""
    states = {file.source_media: file for file in (*first.files, *second.files)}
    joined = []
    for name, file in files.items():
        state = states[name]
        tags = [one.tag for one in file.in_order()]
        joined.append(TaggedFile(name, tags, state.is_done, state.num_errors))
    old = [replace(error, message=f"before: {error.message}") for error in first.errors]
    return Contents(joined, [*second.errors, *old])


def _columns(entry: PageFile, files: Mapping[str, _File]) -> dict[str, Any]:
    """Return `change`, `side` and `overlap` of each tag, and its `partner` or -1."""
    tags = files[entry.file.source_media].in_order()
    places = {id(one): place for place, one in enumerate(tags)}
    partner = [-1] * len(tags)
    for place, one in enumerate(tags):
        if one.partner is not None:
            partner[place] = places[id(one.partner)]
            partner[places[id(one.partner)]] = place
    return {
        "change": [CHANGES.index(one.change) for one in tags],
        "side": [one.side for one in tags],
        "partner": partner,
        "overlap": [round(one.overlap, 4) for one in tags],
    }
