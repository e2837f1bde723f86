"""`python -m common_ml`: the command `common-ml`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; say which extra brings it where its libraries are not installed."""
    try:
        from common_ml.cli.app import main as command
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich"):
            raise
        from common_ml.errors import MissingExtraError

        sys.exit(f"error: {MissingExtraError(error.name, extra='cli')}")
    command()


if __name__ == "__main__":
    main()
