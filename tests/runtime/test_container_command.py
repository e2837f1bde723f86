"""The command line of a container's engine: what is foreign in it is never an option."""

from __future__ import annotations

import csv
import io
import shutil
import stat
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ContainerTagger, TaggerError
from common_ml.runtime.describing import describe_tagger
from common_ml.runtime.tagger import messages_of
from common_ml.runtime.targets import find_target

if TYPE_CHECKING:
    from pathlib import Path

RECORDER = """#!/bin/sh
printf '%s\\n' "$@" > "$RECORD.$1"
[ "$1" = run ] || exit 0
exit 125
"""


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A program in the place of podman that writes down its arguments, one a line."""
    program = tmp_path / "bin" / "podman"
    program.parent.mkdir()
    program.write_text(RECORDER)
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("RECORD", str(tmp_path / "record"))
    monkeypatch.setenv("PATH", str(program.parent), prepend=":")
    assert shutil.which("podman") == str(program)
    return str(program)


@pytest.mark.parametrize("name", ["ma:dia", "a,b", 'q"uote', "new\nline", "-v", "sp ace"])
def test_any_folder_can_be_mounted(tmp_path: Path, engine: str, name: str) -> None:
    """A colon ended the path before, and what followed were options of the mount."""
    media = tmp_path / name
    media.mkdir()
    tagger = ContainerTagger("localhost/x:1", engine=engine, media_dir=media)

    with pytest.raises(TaggerError, match="could not start localhost/x:1; hint: build or pull it"):
        messages_of(tagger, [])

    recorded = (tmp_path / "record.run").read_text()
    _, _, rest = recorded.partition("--mount=")
    (fields,) = list(csv.reader(io.StringIO(rest.partition("\n--mount=")[0]), strict=True))
    assert fields == ["type=bind", f"source={media}", "target=/elv/media", "readonly"]


def test_options_end_before_the_image(tmp_path: Path, engine: str) -> None:
    tagger = ContainerTagger("localhost/x:1", engine=engine, arguments=["--privileged"])

    with pytest.raises(TaggerError):
        messages_of(tagger, [])

    words = (tmp_path / "record.run").read_text().splitlines()
    assert words[words.index("--") + 1] == "localhost/x:1"
    assert words.index("--privileged") > words.index("--")
    assert "-v" not in words
    removed = (tmp_path / "record.rm").read_text().splitlines()
    assert removed == ["rm", "--force", "--", tagger.container]


@pytest.mark.parametrize(
    "name",
    ["--privileged", "-v=/:/host", "", " ", "a b", "a\nb", "a;b", "$(id)", "ü", "x" * 600, "../x"],
)
def test_a_name_that_could_be_an_option_is_refused(name: str) -> None:
    with pytest.raises(TaggerError, match="invalid image name"):
        ContainerTagger(name)


@pytest.mark.parametrize(
    "name", ["--privileged", "-it", "a\x1b[0m"], ids=["option", "short", "escape"]
)
def test_a_user_cannot_name_one_by_mistake(name: str, engine: str) -> None:
    with pytest.raises(TaggerError, match="invalid image name"):
        find_target(name)
    with pytest.raises(TaggerError, match="invalid image name"):
        describe_tagger(name)


@pytest.mark.parametrize(
    "name",
    [
        "python",
        "localhost/my-tagger:1.0",
        "registry.example.com:5000/a/b_c@sha256:" + "0" * 64,
        "0123456789ab",
    ],
)
def test_names_of_images_are_accepted(name: str) -> None:
    assert ContainerTagger(name).name == name
    assert find_target(name).image == name
