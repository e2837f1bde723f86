"""Advisories about the libraries in this environment, by pip-audit: `make audit`.

Status 0: none is known, or no source of advisories can be reached (printed). 1: there are some.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

OWN = "common-ml"
"""Another project has this name on the public index."""


def main() -> int:
    """Run pip-audit and report; return the exit status."""
    command = [sys.executable, "-m", "pip_audit", "--local", "--progress-spinner=off", "-f", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        dependencies = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError, TypeError):
        last = (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1]
        print(f"audit: not done, no source of advisories was reached: {last}")
        return 0
    lines, status = report(dependencies)
    print("\n".join(lines))
    return status


def report(dependencies: list[dict[str, Any]]) -> tuple[list[str], int]:
    """Return what to print about pip-audit's findings, and the exit status."""
    others = [each for each in dependencies if each["name"] != OWN]
    audited = [each for each in others if "skip_reason" not in each]
    found = [(each, advisory) for each in audited for advisory in each["vulns"]]
    lines = [
        f"{each['name']} {each['version']}: {advisory['id']}"
        f"; hint: {_hint(advisory.get('fix_versions') or [])}"
        for each, advisory in found
    ]
    if not audited:
        lines.append(
            f"audit: not done, no source of advisories was reached for {len(others)} libraries"
        )
    else:
        skipped = len(others) - len(audited)
        more = f", {skipped} are unknown to the source" if skipped else ""
        lines.append(f"audit: {len(audited)} libraries, {len(found)} advisories{more}")
    return lines, 1 if found else 0


def _hint(fixed: list[str]) -> str:
    return f"install {' or '.join(fixed)}" if fixed else "no fixed version is known yet"


if __name__ == "__main__":
    sys.exit(main())
