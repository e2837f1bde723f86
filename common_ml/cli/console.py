"""The consoles of the verbs: results on stdout, everything else on stderr.

Texts of users and taggers are literal: no emoji codes, no colours by content; print them as
`rich.text.Text`, which has no markup.
"""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from common_ml.cli.texts import printable

stdout = Console(emoji=False, highlight=False)
"""For results. Rich omits colours where NO_COLOR is set or the output is not a terminal."""

stderr = Console(stderr=True, emoji=False, highlight=False)
"""For progress, warnings and errors."""


def print_error(text: str) -> None:
    """Print an error in the common style; its text is literal."""
    lines = "\n".join(map(printable, text.expandtabs().splitlines()))
    print_line(Text.assemble(("error:", "bold red"), " ", lines))


def print_line(line: Text) -> None:
    """Print a line to stderr, wrapped at words on a terminal only."""
    stderr.print(line, soft_wrap=not stderr.is_terminal)
