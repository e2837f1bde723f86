"""A tagger as a child process: real programs, real pipes."""

from __future__ import annotations

import signal
import sys
import tempfile
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ProcessTagger, TaggerError
from common_ml.runtime.tagger import messages_of
from common_ml.tagging.messages import Error, Progress, ProgressRatio, Tag
from common_ml.tagging.wire import read_messages
from tests.runtime.programs import DEAF, DIES, HONEST, SILENT, STUBBORN, command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where taggers keep what goes with them; empty again when they are gone."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    """Two files of one name, with 3 and 5 bytes."""
    paths = [tmp_path / "a" / "clip.mp4", tmp_path / "b" / "clip.mp4"]
    for path, content in zip(paths, (b"abc", b"abcde"), strict=True):
        path.parent.mkdir()
        path.write_bytes(content)
    return [str(path) for path in paths]


def test_the_whole_job(tmp_path: Path, files: list[str]) -> None:
    """Messages come in order, under the paths as they were sent."""
    tagger = ProcessTagger(command(tmp_path, HONEST))

    messages = messages_of(tagger, files)

    assert messages == [
        Tag(0, 3, "size", files[0]),
        Progress(files[0]),
        Tag(0, 5, "size", files[1]),
        Progress(files[1]),
    ]
    assert tagger.exit_status == 0


def test_files_may_follow_what_was_read(tmp_path: Path, files: list[str]) -> None:
    """Nothing waits for the end of the input."""
    with ProcessTagger(command(tmp_path, HONEST)) as tagger:
        messages = tagger.messages()
        for file, size in zip(files, (3, 5), strict=True):
            tagger.send([file])
            assert tagger.open_files == [file]
            assert next(messages) == Tag(0, size, "size", file)
            assert next(messages) == Progress(file)
            assert tagger.open_files == []
        tagger.close_input()
        tagger.close_input()
        assert list(messages) == []
        assert tagger.wait() == 0


def test_reading_goes_on_where_it_was_left(tmp_path: Path, files: list[str]) -> None:
    with ProcessTagger(command(tmp_path, HONEST)) as tagger:
        tagger.send(files)
        tagger.close_input()
        assert next(tagger.messages()) == Tag(0, 3, "size", files[0])
        assert next(tagger.messages()) == Progress(files[0])
        assert len(list(tagger.messages())) == 2


def test_paths_are_relative_where_they_can_be(tmp_path: Path, files: list[str]) -> None:
    """With its media directory below its working directory a tagger gets `media/...`."""
    tags = tmp_path / "output" / "tags.jsonl"

    messages_of(
        ProcessTagger(
            command(tmp_path, HONEST), cwd=tmp_path, media_dir=tmp_path / "media", output=tags
        ),
        files,
    )

    names = [message.source_media for message in read_messages(tags) if type(message) is Progress]
    assert names == ["media/clip.mp4", "media/clip_2.mp4"]
    assert list((tmp_path / "media").iterdir()) == []


def test_params_and_environment_arrive(tmp_path: Path, files: list[str]) -> None:
    body = """
    for line in lines:
        tag(line, sys.argv[sys.argv.index("--params") + 1] + os.environ["COLOUR"])
        put("progress", source_media=line)
    """
    tagger = ProcessTagger(
        command(tmp_path, body), params={"fps": 2, "name": "ż"}, env={"COLOUR": "blue"}
    )

    messages = messages_of(tagger, files[:1])

    assert messages[0] == Tag(0, 0, '{"fps": 2, "name": "ż"}blue', files[0])


def test_more_arguments_stand_behind(tmp_path: Path) -> None:
    """And the output may go by another name than its absolute path."""
    body = 'put("error", message=json.dumps(sys.argv[1:]), source_media=None)'
    tagger = ProcessTagger(
        command(tmp_path, body),
        cwd=tmp_path,
        output=tmp_path / "tags.jsonl",
        output_path="tags.jsonl",
        arguments=["--unknown", "x"],
        params={},
    )

    assert messages_of(tagger, []) == [
        Error('["--output-path", "tags.jsonl", "--params", "{}", "--unknown", "x"]')
    ]


def test_bad_params_are_passed_as_they_are(tmp_path: Path, files: list[str]) -> None:
    body = 'put("error", message=sys.argv[-1], source_media=None); sys.exit(3)'

    with pytest.raises(TaggerError, match=r"stopped with status 3: \{nonsense$") as caught:
        messages_of(ProcessTagger(command(tmp_path, body), params="{nonsense"), files)

    assert caught.value.exit_status == 3


def test_a_failed_file_is_reported_by_its_own_name(tmp_path: Path) -> None:
    """The user knows nothing of the directory where the tagger looks for it."""
    missing = str(tmp_path / "missing.mp4")
    tagger = ProcessTagger(command(tmp_path, HONEST), params={"continue_on_error": True})

    messages = messages_of(tagger, [missing])

    assert messages == [Error(f"no such file: {missing}", missing)]


def test_one_that_stops_at_a_file_is_an_error(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.mp4")

    with pytest.raises(TaggerError, match=f"stopped with status 1: no such file: {missing}$"):
        messages_of(ProcessTagger(command(tmp_path, HONEST)), [missing])


def test_one_that_dies_is_an_error(tmp_path: Path, files: list[str]) -> None:
    """With the signal, and the end of what it said."""
    expected = f"was ended by SIGKILL, while tagging {files[0]}, without an error line; hint: "
    with pytest.raises(TaggerError, match=expected) as caught:
        messages_of(ProcessTagger(command(tmp_path, DIES)), files)

    assert str(caught.value).endswith("The end of its stderr:\nabout to die")
    assert caught.value.stderr_tail == "about to die"
    assert caught.value.exit_status == -signal.SIGKILL


def test_one_that_cannot_be_started_is_an_error(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(TaggerError, match="cannot start /no/such/program"):
        messages_of(ProcessTagger(["/no/such/program"]), files)


def test_one_that_fails_at_its_start_is_an_error(tmp_path: Path, files: list[str]) -> None:
    """Its stdin is closed before all of it is written: that is no error of ours."""
    with pytest.raises(TaggerError, match="ended with status 1, without an error line") as caught:
        messages_of(ProcessTagger([sys.executable, "-c", "import no_such_module"]), files * 10_000)

    assert "No module named 'no_such_module'" in caught.value.stderr_tail


def test_one_that_hangs_is_an_error(tmp_path: Path, files: list[str]) -> None:
    with pytest.raises(
        TaggerError, match=r"no message and no end for 2 s, waiting for 2 files, "
    ) as e:
        messages_of(ProcessTagger(command(tmp_path, SILENT), idle_timeout_seconds=2), files)

    assert e.value.exit_status is None
    assert e.value.stderr_tail == "thinking"


def test_one_that_does_not_end_is_an_error(tmp_path: Path, files: list[str]) -> None:
    body = """
    for line in lines:
        put("progress", source_media=line)
    signal.pause()
    """
    with pytest.raises(TaggerError, match=r"no message and no end for 1 s after the end of input"):
        messages_of(ProcessTagger(command(tmp_path, body), idle_timeout_seconds=1), files)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            'output.write("hello\\n")',
            r"violated the protocol: .*tags.jsonl:1: the line is not valid JSON",
        ),
        ('put("tagg", x=1)', "violated the protocol: .*unknown type 'tagg'"),
        ('tag("media/other.mp4", "cat")', "a tag about 'media/other.mp4', which was never sent"),
        ('put("progress", source_media="")', "a progress about '', which was never sent"),
    ],
)
def test_a_protocol_violation_is_an_error(
    tmp_path: Path, files: list[str], body: str, expected: str
) -> None:
    with pytest.raises(TaggerError, match=expected):
        messages_of(ProcessTagger(command(tmp_path, f"next(lines)\n{body}")), files)


def test_a_file_without_progress_or_error_is_an_error(tmp_path: Path, files: list[str]) -> None:
    """Status 0 says that all is well, and it is not."""
    body = 'put("progress", source_media=next(lines))'

    with pytest.raises(TaggerError, match=f"without progress or error for {files[1]}$"):
        messages_of(ProcessTagger(command(tmp_path, body)), files)


def test_sending_does_not_wait(tmp_path: Path, files: list[str]) -> None:
    """A pipe holds 64 KB; this is a megabyte, for a tagger that never reads."""
    with ProcessTagger(command(tmp_path, DEAF)) as tagger:
        tagger.send(files * 10_000)
        assert next(tagger.messages()) == ProgressRatio(0.5)
        tagger.stop()
        assert tagger.exit_status == -signal.SIGTERM


def test_one_path_is_not_a_list(tmp_path: Path, files: list[str]) -> None:
    """A text would be sent character by character."""
    with (
        ProcessTagger(command(tmp_path, HONEST)) as tagger,
        pytest.raises(TypeError, match=r"expected a list of paths, got one: send\(\['"),
    ):
        tagger.send(files[0])


def test_nothing_can_be_sent_after_the_end(tmp_path: Path, files: list[str]) -> None:
    with ProcessTagger(command(tmp_path, HONEST)) as tagger:
        tagger.close_input()
        with pytest.raises(ValueError, match="the input of the tagger is closed"):
            tagger.send(files)


def test_a_stop_is_no_failure(tmp_path: Path, files: list[str]) -> None:
    """What was written before it is read; the status tells of the signal."""
    with ProcessTagger(command(tmp_path, SILENT.replace("pass", "tag(line, 'cat')"))) as tagger:
        tagger.send(files[:1])
        messages = tagger.messages()
        assert next(messages) == Tag(0, 0, "cat", files[0])
        tagger.stop()
        assert list(messages) == []
        assert tagger.exit_status == -signal.SIGTERM
        tagger.stop()


def test_one_that_does_not_stop_is_killed(tmp_path: Path, files: list[str]) -> None:
    with ProcessTagger(command(tmp_path, STUBBORN)) as tagger:
        tagger.send(files)
        assert next(tagger.messages()) == Progress(files[0])
        assert tagger.wait(0) is None
        tagger.stop(grace_seconds=0.1)
        assert tagger.exit_status == -signal.SIGKILL


def test_a_signal_reaches_it(tmp_path: Path) -> None:
    body = """
    signal.signal(signal.SIGUSR1, lambda *_: sys.exit(7))
    put("progress_ratio", progress=0)
    while True:
        signal.pause()
    """
    with ProcessTagger(command(tmp_path, body)) as tagger:
        assert next(tagger.messages()) == ProgressRatio(0.0)
        tagger.send_signal(signal.SIGUSR1)
        assert tagger.wait() == 7


def test_it_ends_with_its_block(tmp_path: Path) -> None:
    with ProcessTagger(command(tmp_path, DEAF)) as tagger:
        assert tagger.exit_status is None

    assert tagger.exit_status == -signal.SIGTERM


def test_a_ctrl_c_of_the_terminal_does_not_reach_it(tmp_path: Path) -> None:
    """The terminal signals a whole process group; who reads the messages decides."""
    body = 'put("error", message=str(os.getsid(0) == os.getpid()), source_media=None)'

    (message,) = messages_of(ProcessTagger(command(tmp_path, body)), [])

    assert message == Error("True")


def test_raw_lines_keep_their_names(tmp_path: Path) -> None:
    """For lines that no runtime would send: pieces of them, bytes that are no text."""
    body = """
    for line in sys.stdin.buffer:
        put("error", message=repr(line), source_media=None)
        put("progress", source_media=line.decode(errors="replace").rstrip("\\n"))
    """
    with ProcessTagger(command(tmp_path, body)) as tagger:
        tagger.send_raw("no/such.mp4\n", b"half \xff\n")
        tagger.close_input()
        messages = list(tagger.messages())

    assert messages == [
        Error(repr(b"no/such.mp4\n")),
        Progress("no/such.mp4"),
        Error(repr(b"half \xff\n")),
        Progress("half \N{REPLACEMENT CHARACTER}"),
    ]


@pytest.mark.parametrize("torn", [b"", b'{"type":"tag","da'])
def test_it_appends_to_what_is_there(tmp_path: Path, files: list[str], torn: bytes) -> None:
    """Messages of an earlier run are not those of this one."""
    tags = tmp_path / "tags.jsonl"
    earlier = b'{"type":"progress","data":{"source_media":"earlier.mp4"}}\n' + torn
    tags.write_bytes(earlier)

    messages = messages_of(
        ProcessTagger(
            command(tmp_path, 'output.write("\\n")\n' * bool(torn) + HONEST), output=tags
        ),
        files,
    )

    assert [type(message) for message in messages] == [Tag, Progress, Tag, Progress]
    assert tags.read_bytes().startswith(earlier)


def test_what_it_says_can_be_read_afterwards(tmp_path: Path) -> None:
    body = 'print("out"); print("\\n".join(map(str, range(100))), file=sys.stderr)'
    tagger = ProcessTagger(command(tmp_path, body))

    messages_of(tagger, [])

    assert tagger.stdout == "out\n"
    assert tagger.stderr.splitlines() == [str(number) for number in range(100)]
    assert tagger.stderr_tail.splitlines() == [str(number) for number in range(80, 100)]


def test_it_starts_once(tmp_path: Path) -> None:
    tagger = ProcessTagger(command(tmp_path, HONEST))
    with pytest.raises(RuntimeError, match="use it as a context manager"):
        tagger.send([])
    messages_of(tagger, [])
    with pytest.raises(RuntimeError, match="a tagger starts once"):
        messages_of(tagger, [])


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_is_positive(seconds: float) -> None:
    with pytest.raises(ValueError, match="idle_timeout_seconds must be > 0"):
        ProcessTagger(["true"], idle_timeout_seconds=seconds)
