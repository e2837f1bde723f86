"""Where the verbs print: results on stdout, all else on stderr."""

from __future__ import annotations

from rich.console import Console

stdout = Console()
"""For what was asked for. Rich leaves colours out where NO_COLOR is set or nobody looks on."""

stderr = Console(stderr=True)
"""For progress, warnings and errors."""
