"""What a user may call a tagger."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ContainerTagger, ProcessTagger, TaggerError, tagger_for
from common_ml.runtime.container import missing_image_hint
from common_ml.runtime.tagger import messages_of
from common_ml.runtime.targets import find_target
from common_ml.tagging.messages import Tag
from tests.runtime.programs import HONEST, program

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("named", ["my-tagger", "my-tagger/", "my-tagger/main.py"])
def test_a_program_runs_in_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    """As a container runs in `/elv`, beside its main.py."""
    program(tmp_path / "my-tagger", HONEST)
    monkeypatch.chdir(tmp_path)

    target = find_target(named)

    assert target.command == (sys.executable, "-u", "main.py")
    assert target.cwd == tmp_path / "my-tagger"


def test_files_are_named_from_where_the_user_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not from where the tagger runs."""
    program(tmp_path / "my-tagger", HONEST)
    (tmp_path / "clip.mp4").write_bytes(b"abc")
    monkeypatch.chdir(tmp_path)

    messages = messages_of(tagger_for("my-tagger"), ["clip.mp4"])

    assert messages[0] == Tag(0, 3, "size", "clip.mp4")


def test_a_command_runs_where_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    main = program(tmp_path, HONEST)
    monkeypatch.chdir(tmp_path)

    target = find_target(f"{shlex.quote(sys.executable)} {main.name} --slow 'a b'")

    assert target.command == (sys.executable, "main.py", "--slow", "a b")
    assert target.cwd == tmp_path


def test_a_program_of_another_language_is_started_as_it_is(tmp_path: Path) -> None:
    script = tmp_path / "tagger"
    script.write_text("#!/bin/sh\n")
    with pytest.raises(TaggerError, match="is not executable; hint: make it executable"):
        find_target(str(script))
    script.chmod(0o755)
    assert find_target(str(script)).command == (str(script),)


@pytest.mark.parametrize("name", ["my-tagger", "localhost/team/my-tagger:1.2", "a@sha256:00"])
def test_anything_else_is_an_image(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the README's first commands leave a folder of that name
    tagger = tagger_for(name)

    assert isinstance(tagger, ContainerTagger)
    assert tagger.image == tagger.name == name


@pytest.mark.parametrize("name", ["main.py", "./my-tagger", "/no/such", "~/no-such", "", " "])
def test_a_path_to_nothing_is_no_image(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slip of the pen must not become a search for an image."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TaggerError, match="a folder with one, a command, or an image"):
        find_target(name)


def test_a_folder_without_a_main_is_none(tmp_path: Path) -> None:
    with pytest.raises(TaggerError, match=r"no main.py in the folder"):
        find_target(str(tmp_path))


def test_an_open_quote_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaggerError, match="No closing quotation"):
        find_target("python 'main.py")


def test_options_reach_the_process(tmp_path: Path) -> None:
    main = program(tmp_path, HONEST)

    tagger = tagger_for(str(main), python="/opt/python")

    assert isinstance(tagger, ProcessTagger)
    assert tagger.name == "/opt/python -u main.py"


def test_without_an_engine_no_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(TaggerError, match="needs podman or docker, not found on the PATH"):
        messages_of(tagger_for("my-tagger"), [])
    with pytest.raises(TaggerError, match="needs nerdctl, not found on the PATH"):
        messages_of(tagger_for("my-tagger", engine="nerdctl --debug"), [])


def test_a_misspelt_folder_is_not_taken_for_an_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "my-tagger").mkdir()
    (tmp_path / "my-tagger" / "main.py").touch()
    monkeypatch.chdir(tmp_path)

    assert missing_image_hint("mytagger") == "did you mean my-tagger?"
    assert missing_image_hint("localhost/ocr:1") == "build or pull it, or name a main.py"
