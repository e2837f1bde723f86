"""How the end of a tagger is described, and a crash in native code recognised."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime import ProcessTagger, TaggerError
from common_ml.runtime.exit_report import NativeCrash, describe_end, native_crash
from common_ml.runtime.tagger import messages_of
from tests.runtime.programs import command

if TYPE_CHECKING:
    from pathlib import Path

REPORT = """\
loading weights
Fatal Python error: Segmentation fault

Thread 0x00007f2d (most recent call first):
  File "/lib/threading.py", line 324 in wait

Current thread 0x00007f2e (most recent call first):
  File "/repo/model.py", line 12 in tag_frame
  File "/repo/main.py", line 3 in <module>

Extension modules: numpy._core._multiarray_umath (total: 1)
"""


def test_a_crash_has_its_reason_and_innermost_frame() -> None:
    assert native_crash(REPORT) == NativeCrash(
        "Segmentation fault", "/repo/model.py:12 in tag_frame"
    )


@pytest.mark.parametrize(
    ("stderr", "crash"),
    [
        ("", None),
        ("Traceback (most recent call last):\nValueError: x", None),
        ("Fatal Python error: Aborted\n", NativeCrash("Aborted", "")),
        ("says: Fatal Python error: x", None),
        (
            REPORT.replace("Current thread", "Fatal Python error: Bus error\nCurrent thread"),
            NativeCrash("Bus error", "/repo/model.py:12 in tag_frame"),
        ),
    ],
)
def test_a_crash_is_told_from_other_texts(stderr: str, crash: NativeCrash | None) -> None:
    assert native_crash(stderr) == crash


def test_many_lines_are_searched_in_linear_time() -> None:
    """A hostile program may write anything: a megabyte of beginnings takes no seconds."""
    for line in (
        "Fatal Python error: ",
        "Current thread (most",
        '  File "',
        "Fatal Python error: x\n",
    ):
        native_crash("Fatal Python error: x\n" + line * (1_000_000 // len(line)))


@pytest.mark.parametrize(
    ("status", "last_error", "open_file", "stderr", "expected"),
    [
        (1, "no such file", "a.mp4", "", "main.py stopped with status 1: no such file"),
        (3, "", "a.mp4", "", "main.py ended with status 3, without an error line"),
        (
            -11,
            "",
            "a.mp4",
            REPORT,
            (
                "main.py was ended by SIGSEGV, while tagging a.mp4, after a crash in native code "
                "(Segmentation fault), called from /repo/model.py:12 in tag_frame"
            ),
        ),
        (
            139,  # as a container's engine gives it
            "the file before",
            "b.mp4",
            REPORT,
            (
                "main.py was ended by SIGSEGV, while tagging b.mp4, after a crash in native code "
                "(Segmentation fault), called from /repo/model.py:12 in tag_frame"
            ),
        ),
        (
            -9,
            "",
            "",
            "",
            (
                "main.py was ended by SIGKILL, without an error line; hint: the system kills a "
                "process that takes too much memory"
            ),
        ),
        (-40, "", "", "", "main.py was ended by signal 40, without an error line"),
        (None, "", "", "", "main.py ended with status None, without an error line"),
    ],
)
def test_the_end_in_one_sentence(
    status: int | None, last_error: str, open_file: str, stderr: str, expected: str
) -> None:
    assert (
        describe_end("main.py", status, last_error=last_error, open_file=open_file, stderr=stderr)
        == expected
    )


@pytest.mark.skipif(sys.platform != "linux", reason="status and message of Linux")
def test_a_crash_of_a_real_tagger_names_file_and_frame(tmp_path: Path) -> None:
    """The program does nothing for it: the runtime switches Python's report on."""
    clip = tmp_path / "clip.mp4"
    clip.touch()
    body = """
    import ctypes
    def tag_frame():
        ctypes.string_at(0)
    for line in lines:
        tag_frame()
    """

    with pytest.raises(TaggerError) as caught:
        messages_of(ProcessTagger(command(tmp_path, body)), [str(clip)])

    first = str(caught.value).splitlines()[0]
    assert f"was ended by SIGSEGV, while tagging {clip}, after a crash in native code" in first
    assert "(Segmentation fault), called from " in first
    assert "string_at" in first
    assert caught.value.exit_status == -signal.SIGSEGV
