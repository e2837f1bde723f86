"""What is shipped: the wheel's files and metadata."""

from __future__ import annotations

import email
import re
import zipfile
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

import common_ml

if TYPE_CHECKING:
    from email.message import Message
    from pathlib import Path


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> Message:
    """The wheel's metadata."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_holds_every_module_and_nothing_else(wheel: Path, repository: Path) -> None:
    modules = {
        path.relative_to(repository).as_posix()
        for path in (repository / "common_ml").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }

    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}

    assert names == modules


def test_the_wheel_is_typed_and_carries_the_licence(wheel: Path, repository: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("licenses/LICENSE"))

        assert archive.read("common_ml/py.typed") == b""
        assert archive.read(licence) == (repository / "LICENSE").read_bytes()


def test_the_version_has_one_source(shipped: Message) -> None:
    assert shipped["Version"] == common_ml.__version__ == metadata.version("common-ml")


def test_the_metadata_name_python_and_licence(shipped: Message) -> None:
    assert shipped["Name"] == "common-ml"
    assert shipped["Requires-Python"] == ">=3.10"
    assert shipped["License-Expression"] == "MIT"


def test_the_dependencies_are_seven(shipped: Message) -> None:
    """An eighth needs a reason: every model repo would install it."""
    assert requirements(shipped, extra=None) == {
        "numpy",
        "av",
        "opencv-python",
        "dacite",
        "pydantic",
        "orjson",
        "inotify-simple",  # on Linux
    }


@pytest.mark.parametrize(
    ("extra", "names"),
    [
        ("cli", {"typer", "rich"}),
        ("data", {"duckdb", "pyarrow", "pyyaml"}),
        ("torch", {"torch"}),
        ("tensorflow", {"tensorflow"}),
        ("clarifai", {"clarifai-grpc"}),
        ("scale", {"scaleapi"}),
        ("release", {"cyclonedx-bom", "pip-audit"}),
    ],
)
def test_an_extra_brings_its_libraries(shipped: Message, extra: str, names: set[str]) -> None:
    assert requirements(shipped, extra=extra) == names


def test_the_other_extras_are_there(shipped: Message) -> None:
    assert {"examples", "bench", "test", "dev"} <= set(shipped.get_all("Provides-Extra", []))


def requirements(shipped: Message, *, extra: str | None) -> set[str]:
    """The names that an extra asks for; None: what everybody gets."""
    names = set()
    for line in shipped.get_all("Requires-Dist", []):
        requirement, _, marker = line.partition(";")
        found = re.search(r"extra == ['\"]([\w-]+)['\"]", marker)
        if (found and found[1]) == extra:
            names.add(re.split(r"[^\w-]", requirement, maxsplit=1)[0])
    return names
