"""What docs/licences.md says about the libraries, compared with those that are installed."""

from __future__ import annotations

import re
import sys
from importlib import metadata
from pathlib import Path

import av
import av._core
import pytest

PAGE = Path(__file__).parents[1] / "docs" / "licences.md"


@pytest.fixture(scope="module")
def rows() -> dict[str, str]:
    """Name of a library in backticks -> the row of the table that it stands in."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")]
    return {name: line for line in lines for name in re.findall(r"`([\w-]+)`", line)}


def test_every_dependency_has_a_row(rows: dict[str, str]) -> None:
    required = [
        re.split(r"[^\w-]", line, maxsplit=1)[0]
        for line in metadata.requires("common-ml") or []
        if "extra ==" not in line
        or re.search(r"extra == ['\"](cli|data|clarifai|scale)['\"]", line)
    ]
    assert len(required) > 10
    assert set(required) <= rows.keys()


@pytest.mark.parametrize("name", ["av", "numpy", "orjson", "pydantic", "typer", "pyarrow"])
def test_the_licence_of_a_row_is_what_the_package_states(name: str, rows: dict[str, str]) -> None:
    stated = metadata.metadata(name).get_all("License-Expression")
    if not stated:
        pytest.skip(f"this version of {name} states no licence expression")
    first = re.split(r" (?:AND|OR) ", stated[0])[0].strip("()")
    assert first in rows[name]


@pytest.mark.skipif(
    sys.platform != "linux", reason="the wheel of another system keeps its libraries elsewhere"
)
def test_the_encoders_in_the_wheel_are_named(rows: dict[str, str]) -> None:
    libraries = Path(av.__file__).parent.with_name("av.libs")
    if not libraries.is_dir():
        pytest.skip("PyAV is not from a wheel")
    found = {name for name in ("libx264", "libx265") if any(libraries.glob(f"{name}*"))}
    assert found == {name for name in ("libx264", "libx265") if name in rows["av"]}
    configuration = av._core.library_meta["libavcodec"]["configuration"]
    assert all(f"--enable-{name}" in configuration for name in found)


def test_dependencies_are_bounded_above() -> None:
    """So that a new major version does not break an image that is built again."""
    unbounded = [
        line
        for line in metadata.requires("common-ml") or []
        if "extra ==" not in line and not re.search(r"<\d", line)
    ]
    assert unbounded == []
