"""Bundle the page's JavaScript modules into one script, which needs no server.

A page that is opened from disk may not load modules from files beside it. Each module declares at
its top what it imports (`import { clock } from "./format.js";`); joined in that
order, in one scope, the same names resolve without these lines.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_IMPORT = re.compile(r'^import \{([^}]*)\} from "\./([\w-]+\.js)";\n', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:const|class|function)\b)", re.MULTILINE)
_TOP_NAME = re.compile(r"^(export )?(?:async )?(?:const|let|class|function)\*? (\w+)", re.MULTILINE)


def link(read: Callable[[str], str], entry: str) -> str:
    """Return the script of a module and of all that it imports, each before its importers.

    Args:
        read: Returns the text of a module by its name, such as `main.js`.
        entry: The module to begin with.

    Raises:
        ValueError: two modules have a name in common, import each other, or import what is not
            exported.
    """
    texts: dict[str, str] = {}  # in order of execution
    _visit(entry, read, texts, ())
    _check_names(texts)
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", text)) for text in texts.values())


def _visit(
    name: str, read: Callable[[str], str], texts: dict[str, str], importers: tuple[str, ...]
) -> None:
    if name in importers:
        raise ValueError(f"modules import each other: {' -> '.join((*importers, name))}")
    if name in texts:
        return
    text = read(name)
    for _, imported in _IMPORT.findall(text):
        _visit(imported, read, texts, (*importers, name))
    texts[name] = text


def _check_names(texts: Mapping[str, str]) -> None:
    homes: dict[str, str] = {}
    exported: dict[str, set[str]] = {}
    for module, text in texts.items():
        exported[module] = set()
        for export, name in _TOP_NAME.findall(text):
            if name in homes:
                raise ValueError(f"{name} is in {homes[name]} and in {module}: rename one of them")
            homes[name] = module
            if export:
                exported[module].add(name)
    for module, text in texts.items():
        for names, source in _IMPORT.findall(text):
            for name in filter(None, map(str.strip, names.split(","))):
                if name not in exported[source]:
                    raise ValueError(f"{module} imports {name}, which {source} does not export")
