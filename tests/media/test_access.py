from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import DecodeError, MediaError, MissingMediaError
from common_ml.media.access import access_error, open_file, quoted

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_is_opened_under_any_name(tmp_path: Path) -> None:
    for name in (
        "a",
        " a ",
        "concat:a",
        "http:",
        "it's \u00fc \u4f8b",
        "\udcff",
        "-",
        "%03d",
        "n" * 255,
    ):
        (tmp_path / name).write_bytes(b"content")
        with open_file(tmp_path / name) as file:
            assert file.read() == b"content"
            assert os.get_inheritable(file.fileno()) is False


def test_symbolic_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"content")
    (tmp_path / "b").symlink_to("a")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    with open_file(tmp_path / "c") as file:
        assert file.read() == b"content"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("none.mp4", r"no such file: '.*none\.mp4'$"),
        (" none", r"no such file: '.*/ none'$"),
        ("a/b.mp4", r"no such file: '.*a/b\.mp4'$"),
        ("nul\0", r"no such file: '.*nul\\x00': no name holds a NUL"),
        ("dangling", r"no such file: '.*dangling' is a symbolic link to 'nowhere', which is not"),
    ],
)
def test_what_is_missing(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "a").write_bytes(b"a file on the way")
    (tmp_path / "dangling").symlink_to("nowhere")
    with pytest.raises(MissingMediaError, match=says) as caught:
        open_file(f"{tmp_path}/{name}")
    assert caught.value.path == f"{tmp_path}/{name}"


@pytest.mark.parametrize("name", ["http://example.org/a.mp4", "rtsp://host/x", "concat:a|b"])
def test_an_address_is_no_path(name: str) -> None:
    with pytest.raises(MissingMediaError, match="a path names a local file, never an address"):
        open_file(name)


def test_special_files_are_refused_without_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other end of the pipe is not open: a blocking open would hang."""
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        monkeypatch.chdir(tmp_path)  # a socket's path has 108 bytes at most
        server.bind("socket")
        special = {"pipe": "pipe", "socket": "socket", "/dev/zero": "device", ".": "directory"}
        for name, what in special.items():
            with pytest.raises(MediaError, match=f"is a {what}, not a file$"):
                open_file(name)


def test_a_pipe_that_takes_the_place_of_a_file_does_not_block(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, pipe = tmp_path / "file", tmp_path / "pipe"
    file.write_bytes(b"content")
    os.mkfifo(pipe)
    status = os.stat(file)
    monkeypatch.setattr(os, "stat", lambda path: status)
    with pytest.raises(MediaError, match=r"is a pipe, not a file$"):
        open_file(pipe)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        with pytest.raises(DecodeError, match="is empty: there is nothing in it"):
            open_file(tmp_path / "empty")
    assert os.listdir("/proc/self/fd") == before


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    """Root may read everything, so another user tries."""
    tmp_path.chmod(0o755)
    (tmp_path / "open.mp4").write_bytes(b"content")
    (tmp_path / "secret.mp4").write_bytes(b"content")
    (tmp_path / "secret.mp4").chmod(0)
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "a.mp4").write_bytes(b"content")
    (tmp_path / "closed").chmod(0)
    program = """
import os, sys
from common_ml.media.access import open_file
os.chdir(sys.argv[1])
if os.geteuid() == 0:
    os.seteuid(65534)
for name in ("open.mp4", "secret.mp4", "closed/a.mp4"):
    try:
        print(open_file(name).read())
    except Exception as error:
        print(type(error).__name__, error)
"""
    command = [sys.executable, "-c", program, str(tmp_path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    (tmp_path / "closed").chmod(0o700)
    assert printed.splitlines() == [
        "b'content'",
        "MediaError cannot read 'secret.mp4': permission denied",
        "MediaError cannot read 'closed/a.mp4': permission denied",
    ]


@pytest.mark.parametrize(
    ("code", "says"),
    [
        (errno.ENAMETOOLONG, "its name is too long"),
        (errno.ELOOP, "its symbolic links lead round in a circle"),
        (errno.EIO, "the disk or the network that it lies on fails"),
        (errno.EMFILE, "too many files are open in this process"),
        (errno.EBUSY, "Device or resource busy"),
    ],
)
def test_every_refusal_of_the_system_has_its_words(code: int, says: str) -> None:
    error = access_error(OSError(code, os.strerror(code)), "a.mp4")
    assert str(error) == f"cannot read 'a.mp4': {says}"
    assert type(error) is MediaError


def test_an_error_without_words_has_some() -> None:
    assert str(access_error(OSError(), "a")) == "cannot read 'a': the system refuses it"


def test_quotes_show_blanks_and_what_cannot_be_printed() -> None:
    assert quoted(" a\n\udcff") == r"' a\n\udcff'"
