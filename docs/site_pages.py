"""Pages of the documentation site that stand outside of docs/, and links between all of them.

MkDocs knows the files below docs/. README, CHANGELOG and the like stand at the root, where a
repository has them, and link to each other as files; on the site they are pages like any other.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

REPOSITORY = Path(__file__).resolve().parent.parent

OUTSIDE = {
    "README.md": "index.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
    **{
        f"examples/{readme.parent.name}/README.md": f"examples/{readme.parent.name}.md"
        for readme in sorted(REPOSITORY.glob("examples/*/README.md"))
    },
}
"""File of the repository -> page of the site."""

_LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?(?=\))")


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Fill in what is one page a file: the decisions."""
    decisions = sorted((REPOSITORY / "docs" / "decisions").glob("*.md"))
    (project,) = (section["The project"] for section in config.nav if "The project" in section)
    (entry,) = (page for page in project if "Decisions" in page)
    entry["Decisions"] = [f"decisions/{path.name}" for path in decisions]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that stand outside of docs/."""
    for file, page in OUTSIDE.items():
        text = (REPOSITORY / file).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turn links between files of the repository into links between pages."""
    place = page.file.src_uri
    origin = next((file for file, uri in OUTSIDE.items() if uri == place), f"docs/{place}")

    def link(match: re.Match[str]) -> str:
        target, anchor = match[1], match[2] or ""
        file = posixpath.normpath(posixpath.join(posixpath.dirname(origin), target))
        uri = _page_of(file, files)
        if uri is not None:
            return posixpath.relpath(uri, posixpath.dirname(place) or ".") + anchor
        if not (REPOSITORY / file).exists():
            return match[0]  # MkDocs reports it
        return f"{config.repo_url}/tree/main/{file}{anchor}"

    return _LINK.sub(link, markdown)


def _page_of(file: str, files: Files) -> str | None:
    """The page, or other file of the site, that a file or folder of the repository is."""
    candidates = [OUTSIDE.get(file), OUTSIDE.get(f"{file}/README.md"), file.removeprefix("docs/")]
    for uri in candidates:
        if uri is not None and files.get_file_from_path(uri) is not None:
            return uri
    return None
