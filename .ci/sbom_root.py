"""Give the root of a bill of materials its version, which pyproject.toml leaves to the package.

python .ci/sbom_root.py BOM.json VERSION
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def with_version(document: dict[str, Any], version: str) -> dict[str, Any]:
    """Return the bill with the root's version, and without the root among its own parts."""
    root = document["metadata"]["component"]
    root["version"] = version
    parts = document["components"]
    again = [part for part in parts if part["name"] == root["name"]]
    document["components"] = [part for part in parts if part not in again]
    references = {root["bom-ref"], *(part["bom-ref"] for part in again)}
    relations = document.get("dependencies", [])
    needed: set[str] = set()
    for relation in relations:
        if relation["ref"] in references:
            needed.update(relation.get("dependsOn", []))
    document["dependencies"] = [
        {"ref": root["bom-ref"], "dependsOn": sorted(needed - references)},
        *(relation for relation in relations if relation["ref"] not in references),
    ]
    return document


if __name__ == "__main__":
    path = Path(sys.argv[1])
    bill = with_version(json.loads(path.read_text()), sys.argv[2])
    path.write_text(json.dumps(bill, indent=2) + "\n")
