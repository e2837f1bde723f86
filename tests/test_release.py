"""What `make audit` and `make sbom` make of the output of their tools."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from types import ModuleType

SCRIPTS = Path(__file__).parents[1] / ".ci"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sound(name: str) -> dict[str, Any]:
    return {"name": name, "version": "1.0", "vulns": []}


def skipped(name: str) -> dict[str, Any]:
    return {"name": name, "skip_reason": "Dependency not found on PyPI"}


BAD = {
    "name": "pillow",
    "version": "9.0",
    "vulns": [
        {"id": "PYSEC-1", "fix_versions": ["9.1", "10.0"]},
        {"id": "PYSEC-2", "fix_versions": []},
    ],
}


@pytest.mark.parametrize(
    ("dependencies", "lines", "status"),
    [
        ([sound("a"), sound("b")], ["audit: 2 libraries, 0 advisories"], 0),
        (
            [sound("a"), skipped("b"), skipped("common-ml")],
            ["audit: 1 libraries, 0 advisories, 1 are unknown to the source"],
            0,
        ),
        (
            [skipped("a"), skipped("b"), skipped("common-ml")],
            ["audit: not done, no source of advisories was reached for 2 libraries"],
            0,
        ),
        (
            [sound("a"), BAD],
            [
                "pillow 9.0: PYSEC-1; hint: install 9.1 or 10.0",
                "pillow 9.0: PYSEC-2; hint: no fixed version is known yet",
                "audit: 2 libraries, 2 advisories",
            ],
            1,
        ),
    ],
)
def test_an_audit_says_what_was_found_and_what_was_not_looked_at(
    dependencies: list[dict[str, Any]], lines: list[str], status: int
) -> None:
    assert script("audit").report(dependencies) == (lines, status)


def test_the_bill_has_the_package_as_its_root_and_not_among_its_parts() -> None:
    bill = {
        "metadata": {"component": {"name": "common-ml", "bom-ref": "root"}},
        "components": [
            {"name": "common-ml", "bom-ref": "common-ml==1.0"},
            {"name": "numpy", "bom-ref": "numpy==2.0"},
        ],
        "dependencies": [
            {"ref": "common-ml==1.0", "dependsOn": ["numpy==2.0"]},
            {"ref": "numpy==2.0"},
            {"ref": "root"},
        ],
    }

    made = script("sbom_root").with_version(bill, "1.0")

    assert made["metadata"]["component"]["version"] == "1.0"
    assert [part["name"] for part in made["components"]] == ["numpy"]
    assert made["dependencies"] == [
        {"ref": "root", "dependsOn": ["numpy==2.0"]},
        {"ref": "numpy==2.0"},
    ]
