"""Parts, shards and several taggers on one machine: the bytes of a plain run, real processes."""

from __future__ import annotations

import hashlib
import shutil
from typing import TYPE_CHECKING

import pytest

from common_ml.data import Dataset
from common_ml.scale import tag
from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.wire import read_messages
from tests.cli.running import common_ml
from tests.scale.taggers import MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a plain run, beside its films and its tagger."""
    folder = tmp_path_factory.mktemp("plain")
    films_in(folder / "films", 40)
    tagger_in(folder / "tagger", MANY_TAGS)
    done = common_ml("run", "tagger", "films", "-o", "plain.jsonl", cwd=folder)
    assert done.returncode == 1  # some films fail
    return folder / "plain.jsonl"


def test_jobs_with_parts_write_the_bytes_of_a_plain_run(plain: Path) -> None:
    done = common_ml(
        "run", "tagger", "films", "-o", "jobs.jsonl", "-j", "2", "--on", "local", cwd=plain.parent
    )
    assert done.returncode == 1
    assert digest(plain.parent / "jobs.jsonl") == digest(plain)
    assert "2 failed" in done.stderr
    # what is complete would leave no parts; films that failed are tried again by --resume
    assert len(list((plain.parent / "jobs.parts").glob("*.jsonl"))) == 40

    again = common_ml(
        "run", "tagger", "films", "-o", "jobs.jsonl", "--on", "local", cwd=plain.parent
    )
    assert again.returncode == 1
    assert "holds parts of an earlier run; hint: --resume continues it" in again.stderr
    resumed = common_ml(
        "run", "tagger", "films", "-o", "jobs.jsonl", "--on", "local", "--resume", cwd=plain.parent
    )
    assert "0 files tagged, 2 failed, 38 done before" in resumed.stderr
    assert digest(plain.parent / "jobs.jsonl") == digest(plain)


def test_shards_write_the_bytes_of_a_plain_run(plain: Path) -> None:
    for number in (2, 1, 3):
        common_ml(
            "run", "tagger", "films", "--shard", f"{number}/3", "--parts", "p", cwd=plain.parent
        )
    done = common_ml(
        "run", "tagger", "films", "--parts", "p", "-o", "shards.jsonl", cwd=plain.parent
    )
    assert "38 done before" in done.stderr
    assert digest(plain.parent / "shards.jsonl") == digest(plain)


def test_a_plain_run_that_was_stopped_is_continued_with_parts(plain: Path) -> None:
    """What it has finished is not tagged again."""
    lines = plain.read_bytes().splitlines(keepends=True)
    half = plain.parent / "half.jsonl"
    half.write_bytes(b"".join(lines[: len(lines) // 2]))
    finished = sum(isinstance(message, Progress) for message in read_messages(half))

    done = common_ml(
        "run", "tagger", "films", "-o", "half.jsonl", "--on", "local", "--resume", cwd=plain.parent
    )
    assert f"{finished} done before" in done.stderr
    assert digest(half) == digest(plain)


def test_messages_of_a_film_come_together(plain: Path) -> None:
    films = films_in(plain.parent / "few", 6)
    messages = list(tag(films, str(plain.parent / "tagger"), max_taggers=2))

    by_film: dict[str, list[object]] = {}
    for message in messages:
        by_film.setdefault(str(getattr(message, "source_media", "")), []).append(message)
    assert sorted(by_film) == films
    assert [message for group in by_film.values() for message in group] == messages
    for group in by_film.values():
        assert all(isinstance(message, Tag) for message in group[:-1])
        assert isinstance(group[-1], (Progress, Error))


def test_a_complete_run_leaves_no_parts(plain: Path) -> None:
    films_in(plain.parent / "good", 3, step=1)
    done = common_ml("run", "tagger", "good", "-o", "good.jsonl", "--on", "local", cwd=plain.parent)
    assert done.returncode == 0, done.stderr
    assert not (plain.parent / "good.parts").exists()
    shutil.rmtree(plain.parent / "good")


def test_a_dataset_of_parts_has_the_order_of_their_names(plain: Path) -> None:
    """The same each time; that of the input is in the merged file."""
    folder = plain.parent
    films = films_in(folder / "few", 12, step=1)
    common_ml("run", "tagger", "few", "-o", "few.jsonl", "--parts", "p-few", cwd=folder)
    parts = sorted((folder / "p-few").glob("*.jsonl"), key=lambda path: path.name)
    firsts = []
    for path in parts:
        with read_messages(path) as messages:
            firsts += [m.source_media for m in messages if isinstance(m, (Progress, Error))]

    names = [record.media for record in Dataset.open(folder / "p-few").records()]
    assert names == firsts
    assert sorted(names) != names
    merged = [record.media for record in Dataset.open(folder / "few.jsonl").records()]
    assert merged == sorted(names)
    assert len(merged) == len(films)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--shard", "4/3", "--parts", "p"], "--shard is I/N with 1 <= I <= N, got '4/3'"),
        (["--shard", "1/3"], "--shard needs --parts or --plan"),
        (["--on", "local", "--cache-gib", "inf"], "--cache-gib is a finite number, got inf"),
        (["--on", "local", "-o", "."], "the output file . cannot be opened: Is a directory; hint"),
        (["--on", "spark"], "--on is local, ray, ray://auto or ray://HOST:PORT, got 'spark'"),
    ],
)
def test_options_that_make_no_sense_are_named(
    tmp_path: Path, arguments: list[str], expected: str
) -> None:
    (tmp_path / "a.mp4").touch()
    done = common_ml("run", "tagger", "a.mp4", *arguments, cwd=tmp_path, columns=200)
    assert done.returncode == 1
    assert expected in done.stderr
