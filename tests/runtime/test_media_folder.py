"""Files in the media directory: unique base names, and the way back."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.runtime.media_folder import MediaFolder

if TYPE_CHECKING:
    from collections.abc import Callable


def _file_name(name: bytes) -> str:
    """Whatever a directory may hold."""
    return os.fsdecode(name.replace(b"/", b"").replace(b"\0", b""))


@pytest.fixture
def media(tmp_path: Path) -> MediaFolder:
    """An empty one, seen by its tagger as `media/`."""
    folder = tmp_path / "work" / "media"
    folder.mkdir(parents=True)
    return MediaFolder(folder, prefix="media/", read_only=False)


@pytest.fixture
def outside(tmp_path: Path) -> Callable[[str], Path]:
    """Makes a file outside of the media directory that holds its own name."""

    def make(name: str) -> Path:
        path = tmp_path / "outside" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.fsencode(name))
        return path

    return make


@pytest.fixture
def no_hard_links(monkeypatch: pytest.MonkeyPatch) -> None:
    """As between two file systems."""

    def refuse(source: object, target: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)


@pytest.fixture
def mounted(media: MediaFolder) -> MediaFolder:
    """The same folder, as a container sees it: read-only."""
    return MediaFolder(media.folder, prefix="media/", read_only=True)


def test_a_file_in_a_read_only_folder_is_hard_linked(
    mounted: MediaFolder, outside: Callable[[str], Path]
) -> None:
    """No byte is copied, and no link has to be followed."""
    clip = outside("clip.mp4")

    assert mounted.line_of(clip) == "media/clip.mp4"

    assert (mounted.folder / "clip.mp4").samefile(clip)
    assert not (mounted.folder / "clip.mp4").is_symlink()


def test_a_tagger_cannot_change_the_file_of_the_user(
    media: MediaFolder, outside: Callable[[str], Path]
) -> None:
    """Not by writing into it, by cutting it, or by changing its mode."""
    clip = outside("clip.mp4")

    copy = media.folder.parent / media.line_of(clip)
    copy.chmod(0o600)
    copy.write_bytes(b"scribble")

    assert clip.read_bytes() == b"clip.mp4"
    assert clip.stat().st_mode & 0o777 == 0o644


def test_a_file_that_cannot_be_written_needs_no_copy(
    media: MediaFolder, outside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = outside("clip.mp4")
    monkeypatch.setattr("common_ml.runtime.media_folder.is_writable", lambda _: False)  # even root

    media.line_of(clip)

    assert (media.folder / "clip.mp4").readlink() == clip


def test_copies_of_finished_files_make_room(
    media: MediaFolder, outside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thousands of films do not fill the disk; what is open stays, and may be sent once more."""
    monkeypatch.setattr("common_ml.runtime.media_folder.MAX_KEPT_COPY_BYTES", 14)
    monkeypatch.setattr("common_ml.runtime.private_copy._reflink", lambda *_: False)
    clips = [str(outside(f"{number}.mp4")) for number in range(4)]  # 5 bytes each
    for clip in clips[:3]:
        media.line_of(clip)
    assert len(list(media.folder.iterdir())) == 3  # none is finished

    media.finish(clips[1])
    assert sorted(path.name for path in media.folder.iterdir()) == ["0.mp4", "2.mp4"]
    assert media.path_of("media/1.mp4") == clips[1]  # a late message finds its file
    line = media.line_of(clips[1])
    assert (media.folder.parent / line).read_bytes() == b"1.mp4"
    assert media.path_of(line) == clips[1]

    media.clear()
    assert list(media.folder.iterdir()) == []


def test_files_of_one_name_get_several(media: MediaFolder, outside: Callable[[str], Path]) -> None:
    """The runtime maps back by base name: two files must never share one."""
    paths = [outside("a/clip.mp4"), outside("b/clip.mp4"), outside("c/clip.mp4"), outside("clip")]

    lines = [media.line_of(path) for path in paths]

    assert lines == ["media/clip.mp4", "media/clip_2.mp4", "media/clip_3.mp4", "media/clip"]
    for line, path in zip(lines, paths, strict=True):
        assert (media.folder.parent / line).read_bytes() == path.read_bytes()
        assert media.path_of(line) == str(path)


def test_a_link_is_followed(media: MediaFolder, outside: Callable[[str], Path]) -> None:
    clip = outside("clip.mp4")
    link = clip.with_name("link.mp4")
    link.symlink_to("clip.mp4")

    media.line_of(link)

    assert (media.folder / "link.mp4").read_bytes() == clip.read_bytes()
    assert not (media.folder / "link.mp4").is_symlink()


@pytest.mark.usefixtures("no_hard_links")
def test_on_another_file_system_it_is_a_copy(
    mounted: MediaFolder, outside: Callable[[str], Path]
) -> None:
    """A container sees its mounts and nothing else."""
    mounted.line_of(outside("clip.mp4"))

    assert not (mounted.folder / "clip.mp4").is_symlink()
    assert (mounted.folder / "clip.mp4").read_text() == "clip.mp4"


def test_a_name_that_no_file_can_have_is_a_missing_file(media: MediaFolder) -> None:
    """The tagger reports it; the other files of the job are not affected."""
    name = "/films/" + "x" * 300 + ".mp4"

    line = media.line_of(name)

    assert media.path_of(line) == name
    assert len(line) < 255
    assert list(media.folder.iterdir()) == []


def test_a_full_disk_is_reported_with_a_hint(
    media: MediaFolder, outside: Callable[[str], Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("common_ml.runtime.private_copy._reflink", lambda *_: False)
    monkeypatch.setattr("shutil.copyfileobj", full)

    with pytest.raises(OSError, match="no room for a copy; hint: set TMPDIR"):
        media.line_of(outside("clip.mp4"))
    assert list(media.folder.iterdir()) == []


def test_a_file_that_is_there_keeps_its_place(media: MediaFolder) -> None:
    (media.folder / "day").mkdir()
    (media.folder / "day" / "clip.mp4").touch()

    assert media.line_of(media.folder / "day" / "clip.mp4") == "media/day/clip.mp4"

    media.clear()
    assert (media.folder / "day" / "clip.mp4").exists()


def test_a_name_in_the_folder_is_not_taken_from_it(
    media: MediaFolder, outside: Callable[[str], Path]
) -> None:
    (media.folder / "clip.mp4").write_text("another one")

    assert media.line_of(outside("clip.mp4")) == "media/clip_2.mp4"


def test_a_file_sent_twice_has_one_line(media: MediaFolder, outside: Callable[[str], Path]) -> None:
    clip = outside("clip.mp4")

    assert media.line_of(clip) == media.line_of(str(clip))


def test_a_missing_file_has_a_line_as_well(media: MediaFolder, tmp_path: Path) -> None:
    assert media.line_of(tmp_path / "missing.mp4") == "media/missing.mp4"
    assert media.path_of("media/missing.mp4") == str(tmp_path / "missing.mp4")
    assert list(media.folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("two\nlines.mp4", "media/two_lines.mp4"),
        (" spaces around ", "media/_spaces around"),
        (os.fsdecode(b"not \xff utf-8.mp4"), "media/not ? utf-8.mp4"),
        ("żółw i słoń 🐘.mp4", "media/żółw i słoń 🐘.mp4"),
    ],
)
def test_any_name_can_be_sent(
    media: MediaFolder, outside: Callable[[str], Path], name: str, line: str
) -> None:
    """A line of UTF-8 cannot hold every name that a file may have."""
    path = outside(name)

    assert media.line_of(path) == line
    assert media.path_of(line) == str(path)
    assert (media.folder.parent / line).read_bytes() == path.read_bytes()


@given(
    names=st.lists(
        (st.text().map(lambda text: text.encode(errors="replace")) | st.binary()).map(_file_name),
        min_size=1,
    )
)
def test_every_line_leads_back(tmp_path_factory: pytest.TempPathFactory, names: list[str]) -> None:
    """Whatever the names are: one line each, base names that differ, and back again."""
    media = MediaFolder(tmp_path_factory.mktemp("m"), prefix="media/", read_only=False)
    paths = [f"/nowhere/{number}/{name}" for number, name in enumerate(names) if name.strip(".")]

    lines = [media.line_of(path) for path in paths]

    assert [media.path_of(line) for line in lines] == paths
    assert len({os.path.basename(line) for line in lines}) == len(lines)
    assert all(line.splitlines() == [line] and line.strip() == line for line in lines)
    assert all(len(Path(line).name.encode()) <= 255 for line in lines)


def test_a_base_name_alone_leads_back(media: MediaFolder, outside: Callable[[str], Path]) -> None:
    """That is all that the runtime looks at."""
    media.line_of(outside("clip.mp4"))

    assert media.path_of("/elv/media/clip.mp4") == str(outside("clip.mp4"))
    assert media.path_of("other.mp4") is None


def test_texts_name_files_as_the_user_does(media: MediaFolder) -> None:
    media.line_of("films/a.mp4")
    media.line_of("films/a.mp4.part")

    message = "cannot read 'media/a.mp4.part' beside media/a.mp4"

    assert media.with_paths(message, about=None) == (
        "cannot read 'films/a.mp4.part' beside films/a.mp4"
    )
    assert media.with_paths("no media/a.mp4", about="media/a.mp4") == "no films/a.mp4"


def test_what_was_brought_in_goes_again(media: MediaFolder, outside: Callable[[str], Path]) -> None:
    (media.folder / "own.mp4").touch()
    media.line_of(outside("clip.mp4"))

    media.clear()

    assert list(media.folder.iterdir()) == [media.folder / "own.mp4"]
    assert outside("clip.mp4").exists()


def test_texts_about_released_files_get_their_paths(tmp_path: Path) -> None:
    """Of names that contain signs that end a name, the longest is meant."""
    folder = MediaFolder(tmp_path, prefix="/m/", read_only=False)
    for name in ("a.mp4", "a.mp4: b, c.mp4"):
        (tmp_path / "films").mkdir(exist_ok=True)
        path = tmp_path / "films" / name
        path.write_bytes(b"x")
        folder.line_of(path)
        folder.release(str(path))

    text = folder.with_paths("/m/a.mp4: broken; /m/a.mp4: b, c.mp4: x; /m/d.mp4", about=None)

    films = tmp_path / "films"
    assert text == f"{films}/a.mp4: broken; {films}/a.mp4: b, c.mp4: x; /m/d.mp4"
