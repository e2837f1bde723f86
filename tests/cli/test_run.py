"""`common-ml run`: real taggers, real pipes, and what a user gets to see."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from common_ml.tagging.messages import Error, Message, Progress, Tag
from common_ml.tagging.wire import encode, read_messages
from tests.cli.running import COMMAND, common_ml
from tests.runtime.programs import DIES, HONEST, program

if TYPE_CHECKING:
    from pathlib import Path

SLOW = """
signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
for line in lines:
    tag(line, "seen", end=1000)
    if "stop" in line:
        signal.pause()
    put("progress", source_media=line)
"""
"""Stays with a file named so."""


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """A folder with a tagger, `my-tagger`, and three films of 1, 2 and 3 bytes."""
    program(tmp_path / "my-tagger", HONEST)
    (tmp_path / "films" / "deep").mkdir(parents=True)
    for name, size in (("films/a.mp4", 1), ("films/b.mp4", 2), ("films/deep/a.mp4", 3)):
        (tmp_path / name).write_bytes(b"x" * size)
    return tmp_path


def messages_in(path: Path) -> list[Message]:
    return list(read_messages(path))


def test_a_folder_is_tagged(work: Path) -> None:
    """The tags file names the files as the user did, and the tables say what was found."""
    done = common_ml("run", "my-tagger", "films", cwd=work)

    assert done.returncode == 0, done.stderr
    assert messages_in(work / "tags.jsonl") == [
        Tag(0, 1, "size", "films/a.mp4"),
        Progress("films/a.mp4"),
        Tag(0, 2, "size", "films/b.mp4"),
        Progress("films/b.mp4"),
        Tag(0, 3, "size", "films/deep/a.mp4"),
        Progress("films/deep/a.mp4"),
    ]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["size", "3", "0:00.006"] in rows
    assert ["films/deep/a.mp4", "1", "tagged"] in rows
    assert "3 files tagged, 3 tags in " in done.stderr
    assert done.stderr.endswith(": tags.jsonl\n")


def test_params_reach_the_tagger(work: Path) -> None:
    """What stands later wins; what is JSON is taken for it."""
    program(work / "my-tagger", 'put("error", message=sys.argv[-1], source_media=None)')
    options = ["--params", '{"fps": 1, "name": "a"}', "-p", "fps=2.5", "-p", "name=b c"]
    options += ["-p", "labels=[1, null]", "-p", "x=a=b", "-p", "y=NaN", "-p", "z=", "-p", 'q="1"']

    common_ml("run", "my-tagger", "films/a.mp4", *options, cwd=work)

    (error,) = messages_in(work / "tags.jsonl")
    assert isinstance(error, Error)
    assert json.loads(error.message) == {
        "fps": 2.5,
        "name": "b c",
        "labels": [1, None],
        "x": "a=b",
        "y": "NaN",
        "z": "",
        "q": "1",
    }


def test_without_params_the_option_is_left_out(work: Path) -> None:
    program(work / "my-tagger", 'put("error", message=str(len(sys.argv)), source_media=None)')

    common_ml("run", "my-tagger", "films/a.mp4", cwd=work)

    assert messages_in(work / "tags.jsonl") == [Error("3")]


def test_a_file_that_fails_is_reported_and_counts(work: Path) -> None:
    (work / "films" / "b.mp4").unlink()
    (work / "films" / "b.mp4").symlink_to("nowhere")  # it is there for whoever lists the folder

    done = common_ml("run", "my-tagger", "films", "-p", "continue_on_error=true", cwd=work)

    assert done.returncode == 1
    assert "error: films/b.mp4: no such file: films/b.mp4\n" in done.stderr
    assert "2 files tagged, 1 failed, 2 tags in " in done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    (place,) = [rows.index(row) for row in rows if row[:3] == ["films/b.mp4", "0", "failed:"]]
    assert rows[place - 2] == ["file", "tags", "result"]  # failures come first
    assert Error("no such file: films/b.mp4", "films/b.mp4") in messages_in(work / "tags.jsonl")


def test_one_that_stops_at_a_failure_says_what_is_left(work: Path) -> None:
    """As in the contract; with a hint, and the failure only once."""
    (work / "films" / "a.mp4").unlink()
    (work / "films" / "a.mp4").symlink_to("nowhere")

    done = common_ml("run", "my-tagger", "films", cwd=work)

    assert done.returncode == 1
    first, second, last = done.stderr.splitlines()
    assert last.startswith("0 files tagged, 1 failed, 2 not tagged, 0 tags in 0:")
    assert first == "error: films/a.mp4: no such file: films/a.mp4"
    assert second == (
        "error: python -u main.py stopped with status 1; 2 of 3 files are not tagged; hint: "
        "-p continue_on_error=true continues after a failed file, --resume tags the rest"
    )
    assert ["films/b.mp4", "0", "not", "tagged"] in [x.split() for x in done.stdout.splitlines()]


def test_the_hint_names_no_option_that_was_given(work: Path) -> None:
    """As of a model that has lost its GPU: it stops, whatever was asked for."""
    program(
        work / "my-tagger",
        """
        put("error", message="the GPU is lost", source_media=next(lines))
        sys.exit(1)
        """,
    )

    done = common_ml("run", "my-tagger", "films", "-p", "continue_on_error=true", cwd=work)

    assert done.returncode == 1
    assert "; 2 of 3 files are not tagged; hint: --resume tags the rest\n" in done.stderr


def test_a_crash_is_reported_with_the_end_of_stderr(work: Path) -> None:
    program(work / "my-tagger", DIES)

    done = common_ml("run", "my-tagger", "films/a.mp4", cwd=work)

    assert done.returncode == 1
    assert done.stderr == (
        "error: python -u main.py was ended by SIGKILL, while tagging films/a.mp4, without an "
        "error line; hint: the system kills a process that takes too much memory\n"
        "  The end of its stderr:\n  about to die\nlog: tags.log\n"
    )


def test_taggers_share_the_files(work: Path) -> None:
    """Each is a process of its own, and while one is busy the others do the rest."""
    body = """
    def wait_for(number, folder):
        while len(os.listdir(folder)) < number:
            time.sleep(0.01)

    for line in lines:
        open(f"started/{os.getpid()}", "w").close()
        wait_for(3, "started")  # each has a file
        tag(line, str(os.getpid()))
        if "slow" in line:
            wait_for(18, "done")  # the others have done the rest
        else:
            open(f"done/{os.path.basename(line)}", "w").close()
        put("progress", source_media=line)
    """
    program(work / "my-tagger", body)
    for folder in ("many", "my-tagger/started", "my-tagger/done"):
        (work / folder).mkdir()
    names = [f"many/{number:02}.mp4" for number in range(18)]
    for name in [*names, "slow.mp4"]:
        (work / name).touch()

    done = common_ml("run", "my-tagger", *names, "slow.mp4", "--jobs", "3", cwd=work)

    assert done.returncode == 0, done.stderr
    messages = messages_in(work / "tags.jsonl")
    tagged_by = {tag.source_media: tag.tag for tag in messages if isinstance(tag, Tag)}
    assert sorted(tagged_by) == sorted([*names, "slow.mp4"])
    assert len(set(tagged_by.values())) == 3
    finished = [message.source_media for message in messages if isinstance(message, Progress)]
    assert sorted(finished) == sorted([*names, "slow.mp4"])


def test_more_taggers_than_files_are_not_started(work: Path) -> None:
    program(work / "my-tagger", f"print('here', file=sys.stderr)\n{HONEST}\nsys.exit(1)")

    done = common_ml("run", "my-tagger", "films/a.mp4", "-j", "8", cwd=work)

    assert done.stderr.count("here") == 1


def test_the_earlier_run_is_kept(work: Path) -> None:
    """Nobody loses ten hours of tags for want of an option; and `diff` needs both."""
    common_ml("run", "my-tagger", "films/a.mp4", cwd=work)
    first = (work / "tags.jsonl").read_bytes()

    done = common_ml("run", "my-tagger", "films/b.mp4", cwd=work)

    assert "kept the earlier run as tags.previous.jsonl\n" in done.stderr
    assert (work / "tags.previous.jsonl").read_bytes() == first
    assert len(messages_in(work / "tags.jsonl")) == 2


def test_a_run_with_errors_only_replaces_no_earlier_one(work: Path) -> None:
    """Two slips in a row do not cost the tags of the run before them."""
    common_ml("run", "my-tagger", "films", cwd=work)
    first = (work / "tags.jsonl").read_bytes()
    (work / "broken.mp4").symlink_to("nowhere")

    for _ in range(2):
        assert common_ml("run", "my-tagger", "broken.mp4", cwd=work).returncode == 1

    assert [type(message) for message in messages_in(work / "tags.jsonl")] == [Error]
    assert (work / "tags.previous.jsonl").read_bytes() == first


@pytest.mark.parametrize("name", ["notes.txt", "notes.previous.txt"])
def test_what_no_run_has_written_is_not_moved_or_overwritten(work: Path, name: str) -> None:
    """A second run would replace what the first one has moved out of the way."""
    common_ml("run", "my-tagger", "films/a.mp4", "-o", "notes.txt", cwd=work)
    (work / name).write_text("mine\n")
    files = {path.name: path.read_bytes() for path in work.iterdir() if path.suffix == ".txt"}

    done = common_ml("run", "my-tagger", "films/a.mp4", "-o", "notes.txt", cwd=work)

    error = (
        f"error: {name!r} is not a tags file, and would be overwritten; hint: name another output"
    )
    assert (done.returncode, done.stderr) == (1, f"{error}\n")
    assert files == {p.name: p.read_bytes() for p in work.iterdir() if p.suffix == ".txt"}


@pytest.mark.parametrize("output", ["films/a.mp4", "link.mp4"])
def test_the_output_is_none_of_the_media(work: Path, output: str) -> None:
    """The film stays as it is, where it is."""
    (work / "link.mp4").symlink_to("films/a.mp4")

    done = common_ml("run", "my-tagger", "films", "-o", output, cwd=work)

    assert done.returncode == 1
    expected = f"error: the output '{output}' is one of the media files; hint: name another one\n"
    assert done.stderr == expected
    assert (work / "films" / "a.mp4").read_bytes() == b"x"


def test_a_failed_start_is_reported_once_and_without_tables(work: Path) -> None:
    program(work / "my-tagger", 'put("error", message="no", source_media=None); sys.exit(1)')

    done = common_ml("run", "my-tagger", "films/a.mp4", cwd=work)

    assert done.returncode == 1
    assert done.stderr == "error: no\n"
    assert done.stdout == ""


def test_an_error_cannot_command_the_terminal(work: Path) -> None:
    program(
        work / "my-tagger",
        r"""
        output.write("\x1b[31mrubbish\n"); output.flush()
        print("\x1b]0;evil\x07", file=sys.stderr)
        next(lines)
    """,
    )

    done = common_ml("run", "my-tagger", "films/a.mp4", cwd=work)

    assert done.returncode == 1
    assert r"\x1b[31mrubbish" in done.stderr
    assert "\x1b" not in done.stderr


def test_a_run_can_be_resumed(work: Path) -> None:
    """What is finished is not sent, what was begun gets what it lacks, and a torn line goes."""
    earlier = [
        Tag(0, 1, "size", "films/a.mp4"),
        Progress("films/a.mp4"),
        Error("gone", "films/deep/a.mp4"),
        Tag(0, 2, "size", "films/b.mp4"),
    ]
    whole = b"".join(map(encode, earlier))
    (work / "tags.jsonl").write_bytes(whole + b'{"type":"progress","data":{"sour')

    done = common_ml("run", "my-tagger", "films", "--resume", cwd=work)

    assert done.returncode == 0, done.stderr
    assert messages_in(work / "tags.jsonl") == [
        *earlier,
        Progress("films/b.mp4"),
        Tag(0, 3, "size", "films/deep/a.mp4"),
        Progress("films/deep/a.mp4"),
    ]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert ["films/a.mp4", "1", "done", "before"] in rows
    assert ["films/b.mp4", "1", "tagged"] in rows
    assert ["size", "3", "0:00.006"] in rows


def test_nothing_is_started_when_all_is_done(work: Path) -> None:
    common_ml("run", "my-tagger", "films", cwd=work)
    program(work / "my-tagger", DIES)

    assert common_ml("run", "my-tagger", "films", "--resume", cwd=work).returncode == 0


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)], ids=["Ctrl-C", "SIGTERM"]
)
def test_it_stops_cleanly(work: Path, number: int, status: int) -> None:
    """What was written stays, no tagger is left, and the next run can go on from there."""
    program(work / "my-tagger", SLOW)
    (work / "films" / "z").mkdir()
    (work / "films" / "z" / "stop it.mp4").touch()
    with subprocess.Popen(
        [*COMMAND, "run", "my-tagger", "films"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with read_messages(
            work / "tags.jsonl", follow=True, stop=lambda: process.poll() is not None
        ) as messages:
            assert Tag(0, 1000, "seen", "films/z/stop it.mp4") in messages  # waits for it
        process.send_signal(number)
        stdout, stderr = process.communicate()

    assert process.returncode == status, stderr
    assert "Traceback" not in stderr
    assert "3 files tagged, 1 not tagged, 4 tags in" in stderr
    assert ["films/z/stop", "it.mp4", "1", "not", "tagged"] in [
        x.split() for x in stdout.splitlines()
    ]
    program(work / "my-tagger", SLOW.replace("stop", "no such"))
    done = common_ml("run", "my-tagger", "films", "--resume", cwd=work)
    assert done.returncode == 0, done.stderr
    assert len(messages_in(work / "tags.jsonl")) == 8


@pytest.mark.parametrize("option", [[], ["--on", "local"]], ids=["plain", "parts"])
def test_stopped_while_the_model_loads_it_says_what_is_left(work: Path, option: list[str]) -> None:
    program(work / "my-tagger", "open('loading', 'w').close()\nsignal.pause()")
    os.mkfifo(work / "my-tagger" / "loading")
    with subprocess.Popen(
        [*COMMAND, "run", "my-tagger", "films", *option],
        cwd=work,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        (work / "my-tagger" / "loading").read_bytes()  # waits for it
        process.send_signal(signal.SIGINT)
        _, stderr = process.communicate()

    assert process.returncode == 130
    assert "0 files tagged, 3 not tagged, 0 tags in" in stderr.splitlines()[-1]
    assert "stopped by" not in stderr


def test_a_second_ctrl_c_does_not_wait(work: Path) -> None:
    """The tagger ignores SIGTERM; the grace time is cut short."""
    body = SLOW.replace("lambda *_: sys.exit(143)", "signal.SIG_IGN")
    program(work / "my-tagger", f"open('pid', 'w').write(str(os.getpid()))\n{body}")
    (work / "stop.mp4").touch()
    with subprocess.Popen(
        [*COMMAND, "run", "my-tagger", "stop.mp4"],
        cwd=work,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        with read_messages(
            work / "tags.jsonl", follow=True, stop=lambda: process.poll() is not None
        ) as messages:
            assert Tag(0, 1000, "seen", "stop.mp4") in messages  # waits for it
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        assert process.stderr.readline() == "stopping; press Ctrl-C again to stop at once\n"
        process.send_signal(signal.SIGINT)
        process.communicate()

    assert process.returncode == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int((work / "my-tagger" / "pid").read_text()), 0)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["my-tagger", "nix.mp4"], "error: no such file or folder: nix.mp4\n"),
        (["my-tagger", "*.mov"], "error: nothing matches *.mov\n"),
        (["my-tagger", "my-tagger"], "error: no media in my-tagger: expected files with "),
        (["films", "films"], "error: no main.py in the folder films; hint: "),
        (
            ["no.py", "films"],
            "error: no such file: no.py; hint: name a main.py, a folder with one, ",
        ),
        (["my-tagger", "films", "-p", "fps"], "error: ParamsError: -p takes key=value, as in -p "),
        (["my-tagger", "films", "-p", "fps=1e999"], "error: ParamsError: -p fps holds a number "),
        (["my-tagger", "films", "--params", "[1]"], "error: ParamsError: --params must be a JSON "),
        (["my-tagger", "films", "-o", "films"], "error: "),
        (["films/a.mp4", "my-tagger"], "error: films/a.mp4 is a video, not a tagger; hint: the "),
        (["my-tagger", "films", "--params", "{fps: 2}"], "error: ParamsError: --params is not "),
    ],
)
def test_a_misspelt_argument_is_one_line(work: Path, arguments: list[str], expected: str) -> None:
    done = common_ml("run", *arguments, cwd=work)

    assert done.returncode == 1
    (line,) = done.stderr.splitlines(keepends=True)
    assert line.startswith(expected)
    assert not (work / "tags.jsonl").exists()


def test_help_shows_an_example(work: Path) -> None:
    done = common_ml("run", "--help", cwd=work)

    assert done.returncode == 0
    assert "Example: common-ml run my-tagger films/ -p fps=2 -o tags.jsonl" in done.stdout
    assert "\x1b" not in done.stdout
