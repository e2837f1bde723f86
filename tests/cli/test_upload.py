"""`common-ml upload clarifai`."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.cli.app import main
from tests.data.clarifai_upload.platform import KEY, Platform, failure, serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.data.clarifai_upload.platform import Server

CSV = """\
url,top_row,left_col,bottom_row,right_col,pos_concepts,neg_concepts,metadata
https://samples.example/metro.jpg,0.4883,0.64131,0.6732,0.70772,person,,"{""source"":""cam1""}"
https://samples.example/faces.jpg,0.14118,0.4287,0.99406,0.7967,person|face,dog,{}
https://samples.example/food.jpg,,,,,bread,,
"""
METRO, FACES, FOOD = (f"https://samples.example/{name}.jpg" for name in ("metro", "faces", "food"))


@pytest.fixture
def server() -> Iterator[Server]:
    listening = serve(Platform())
    yield listening
    listening.die()


@pytest.fixture
def platform(server: Server) -> Platform:
    return server.platform


@pytest.fixture(autouse=True)
def account(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARIFAI_PAT", KEY)
    monkeypatch.setenv("CLARIFAI_USER_ID", "me")
    monkeypatch.setenv("CLARIFAI_APP_ID", "animals")
    monkeypatch.setenv("CLARIFAI_GRPC_BASE", server.base)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "train.csv"
    path.write_text(CSV)
    return path


def upload(*arguments: object) -> int:
    """The exit status of the command."""
    with pytest.raises(SystemExit) as stopped:
        main(["upload", "clarifai", *map(str, arguments)])
    return int(stopped.value.code or 0)


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines() if line.strip()]


def test_a_file_goes_up(platform: Platform, file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert upload(file) == 0

    assert platform.regions(METRO) == {(0.4883, 0.6413, 0.6732, 0.7077, "person", 1)}
    assert {(one[4], one[5]) for one in platform.regions(FACES)} == {
        ("person", 1),
        ("face", 1),
        ("dog", 0),
    }
    assert platform.concepts(FOOD) == {("bread", 1)}
    captured = capsys.readouterr()
    assert lines(captured.out) == [
        ["outcome", "inputs", "code"],
        ["uploaded", "3"],
        ["2", "annotations", "added"],
    ]
    assert list(file.parent.iterdir()) == [file]


def test_failed_rows_are_written_and_can_be_uploaded_again(
    platform: Platform, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.refused = {METRO: 30104, FOOD: 30106}
    assert upload(file, "--threads", 1) == 1

    captured = capsys.readouterr()
    rest = file.with_name("train.failed.csv")
    assert lines(captured.out)[:4] == [
        ["outcome", "inputs", "code"],
        ["uploaded", "1"],
        ["failed", "1", "INPUT_INVALID_ARGUMENT", "(30104)"],
        ["failed", "1", "INPUT_INVALID_URL", "(30106)"],
    ]
    assert f"failed {METRO}: INPUT_INVALID_ARGUMENT (30104)" in captured.out
    assert f"common-ml upload clarifai {rest}" in captured.err
    platform.refused = {FOOD: 30106}
    assert upload(rest) == 1
    platform.refused = {}
    assert upload(file.with_name("train.failed-2.csv")) == 0
    assert set(platform.by_url()) == {METRO, FACES, FOOD}
    assert len(platform.inputs) == 3
    assert platform.regions(METRO) == {(0.4883, 0.6413, 0.6732, 0.7077, "person", 1)}


def test_duplicates_are_told_and_do_not_fail(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(file)
    capsys.readouterr()

    assert upload(file) == 0

    out = capsys.readouterr().out
    assert lines(out)[1] == ["duplicate", "3", "INPUT_DUPLICATE", "(30100)"]
    assert ", and 2 more" in out


def test_a_refused_key_is_one_line_without_the_key(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLARIFAI_PAT", "another-secret-token")

    assert upload(file) == 1

    captured = capsys.readouterr()
    assert "stopped: the key is refused: CONN_KEY_NOT_FOUND (11009)" in captured.err
    assert "another-secret-token" not in captured.out + captured.err
    assert "unfinished" in captured.out
    assert file.with_name("train.failed.csv").exists()


def test_the_option_wins_over_the_variable(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLARIFAI_PAT", "wrong")

    assert upload(file, "--key", KEY) == 0


@pytest.mark.parametrize("name", ["CLARIFAI_PAT", "CLARIFAI_USER_ID", "CLARIFAI_APP_ID"])
def test_what_is_missing_is_named(
    name: str, file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(name)

    assert upload(file) == 1

    captured = capsys.readouterr()
    assert captured.err.startswith("error: ")
    assert name in captured.err
    assert len(captured.err.splitlines()) == 1


def test_a_dry_run_sends_nothing_and_needs_no_key(
    platform: Platform,
    file: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("CLARIFAI_PAT")
    (file.parent / "a.jpg").write_bytes(bytes(1234))
    file.write_text(CSV + "a.jpg,,,,,cat,,\n")

    assert upload(file, "--dry-run", "--chunk-size", 3) == 0

    assert platform.calls == []
    assert capsys.readouterr().out.splitlines() == [
        "4 inputs in 2 chunks of at most 3",
        "2 with regions: 2 annotations",
        "1 local file: 1,234 bytes",
        "5 concepts",
        "nothing was sent",
    ]


def test_a_dry_run_finds_files_that_are_missing(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text("url,pos_concepts\nmissing.jpg,cat\n")

    assert upload(file, "--dry-run") == 1
    assert "missing.jpg: No such file" in capsys.readouterr().err


def test_relative_paths_start_at_the_file_or_where_it_is_said(
    platform: Platform, file: Path
) -> None:
    (file.parent / "media").mkdir()
    (file.parent / "media" / "a.jpg").write_bytes(b"picture")
    file.write_text("url,pos_concepts\nmedia/a.jpg,cat\n")
    assert upload(file) == 0
    file.write_text("url,pos_concepts\na.jpg,dog\n")
    assert upload(file, "--media-root", file.parent / "media") == 0

    sent = [one.inputs[0].data.image.base64 for one in platform.called("PostInputs")]
    assert sent == [b"picture", b"picture"]


def test_a_wrong_row_is_told_before_anything_is_sent(
    platform: Platform, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(CSV + "https://samples.example/x.jpg,0.5,0.1,1.9,0.9,cat,,\n")

    assert upload(file) == 1

    assert platform.calls == []
    assert re.search(r"line 5, bottom_row", capsys.readouterr().err)


@pytest.mark.parametrize("name", ["train.csv", "train.failed.txt"])
def test_failed_rows_never_replace_the_file(
    name: str, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upload(file, "--failed", file.with_name(name)) == 2
    assert "--failed" in capsys.readouterr().err
    assert file.read_text() == CSV


def test_unencrypted_addresses_are_refused(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert upload(file, "--base", "http://api.clarifai.com") == 1
    assert "use https://" in capsys.readouterr().err


def test_an_empty_file(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file.write_text("url\n")

    assert upload(file) == 0
    assert "no rows" in capsys.readouterr().out


def test_help_has_an_example(capsys: pytest.CaptureFixture[str]) -> None:
    assert upload("--help") == 0
    assert "common-ml upload clarifai train.csv" in " ".join(capsys.readouterr().out.split())


def test_foreign_texts_do_not_steer_the_terminal(
    platform: Platform, file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    platform.faults["PostInputs"].append(failure(10020, "a\x1b[2Jb [red]"))

    assert upload(file) == 1

    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert r"\x1b[2Jb" in "".join(out.split())


def test_ctrl_c_in_the_middle_tells_what_was_done(server: Server, file: Path) -> None:
    """As a user does it: a process of its own, and SIGINT."""
    platform = server.platform
    rows = "".join(f"https://samples.example/{number}.jpg,cat\n" for number in range(10))
    file.write_text("url,pos_concepts\n" + rows)
    reached, ended = threading.Event(), threading.Event()

    def hang(request: Any, context: Any) -> None:
        context.add_callback(ended.set)
        reached.set()
        assert ended.wait(60)

    platform.faults["PostInputs"].extend([lambda *_: None, hang])
    command = [sys.executable, "-m", "common_ml", "upload", "clarifai", str(file)]
    child = subprocess.Popen(
        [*command, "--threads", "1", "--chunk-size", "4"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with child:
        assert reached.wait(60)
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)

    assert child.returncode == 130
    assert "Traceback" not in err
    assert "interrupted" in err
    assert lines(out)[:4] == [
        ["outcome", "inputs", "code"],
        ["uploaded", "4"],
        ["unfinished", "4", "NO_ANSWER"],
        ["unfinished", "2", "NOT_SENT"],
    ]
    rest = file.with_name("train.failed.csv").read_text().splitlines()
    assert [line.split(",")[0] for line in rest[1:]] == [
        f"https://samples.example/{number}.jpg" for number in range(4, 10)
    ]
    assert upload(file.with_name("train.failed.csv")) == 0
    assert len(platform.inputs) == 10
