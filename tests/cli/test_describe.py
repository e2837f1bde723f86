"""`common-ml describe` of a program; of an image: tests/container/test_container_tagger.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime.describing import describe_tagger
from tests.cli.running import common_ml, on_a_terminal
from tests.tagging.test_description import MAIN

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "my-tagger").mkdir()
    (tmp_path / "my-tagger" / "main.py").write_text(MAIN)
    return tmp_path


def test_it_prints_json(work: Path) -> None:
    """On stdout and nothing else, so that another program can read it."""
    done = common_ml("describe", "my-tagger", cwd=work)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == describe_tagger(str(work / "my-tagger"))
    assert json.loads(done.stdout)["tracks"] == ["speech"]


def test_a_program_that_does_not_answer_is_an_error(work: Path) -> None:
    (work / "my-tagger" / "main.py").write_text("import sys\nsys.exit('unknown option')\n")

    done = common_ml("describe", "my-tagger", cwd=work)

    assert done.returncode == 1
    assert done.stderr.startswith("error: "), (
        "one line, with the end of what the program said behind it"
    )
    assert "printed no description, and ended with status 1; hint: a program with" in done.stderr
    assert done.stderr.endswith("The end of its stderr:\nunknown option\n")


@pytest.mark.parametrize("said", ["", "[]", "{}", "hello", '{"describe": 1'])
def test_what_is_not_a_description_is_an_error(work: Path, said: str) -> None:
    (work / "my-tagger" / "main.py").write_text(f"print({said!r})\n")

    with pytest.raises(TaggerError, match="printed no description"):
        describe_tagger(str(work / "my-tagger"))


def test_a_program_that_goes_on_is_ended(work: Path) -> None:
    (work / "my-tagger" / "main.py").write_text("import signal\nsignal.pause()\n")

    with pytest.raises(TaggerError, match=r"did not end within 0\.2 s"):
        describe_tagger(str(work / "my-tagger"), timeout_seconds=0.2)


def test_one_that_is_not_there_is_an_error(work: Path) -> None:
    with pytest.raises(TaggerError, match=r"cannot start .*python9"):
        describe_tagger(str(work / "my-tagger"), python="python9")


def test_a_terminal_gets_tables(work: Path) -> None:
    """With the author's params, and the SDK's options in two columns at 80."""
    out = on_a_terminal("describe", "my-tagger", cwd=work)

    lines = out.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split()[:1] == ["name"]
    assert "params: -p key=value" in out
    assert "  continue_on_error   Whether the other files are still tagged" in out
    assert "{" not in out
    described = on_a_terminal("describe", "my-tagger", "--json", cwd=work)
    assert json.loads(described)["tracks"] == ["speech"]
