"""Tagging films from Python: arguments, and taggers that fail."""

from __future__ import annotations

import os
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import TaggerError
from common_ml.runtime.targets import Target
from common_ml.scale import tag
from common_ml.scale.film_worker import WorkSpec
from common_ml.scale.job import ScaleJob
from common_ml.tagging.messages import Error, Progress
from tests.scale.made_films import films_of
from tests.scale.taggers import KILLS, MANY_TAGS, films_in, tagger_in

if TYPE_CHECKING:
    from pathlib import Path


def test_a_film_that_ends_its_tagger_is_an_error_after_three_tries(tmp_path: Path) -> None:
    films = films_in(tmp_path / "films", 4)
    poison = tmp_path / "films" / "poison.mp4"
    poison.touch()
    tagger = tagger_in(tmp_path / "tagger", KILLS)

    messages = list(tag([*films, str(poison)], tagger, max_taggers=2))

    (error,) = [message for message in messages if isinstance(message, Error)]
    assert error.source_media == str(poison)
    assert "SIGKILL" in error.message
    assert sorted(m.source_media for m in messages if isinstance(m, Progress)) == films


def test_a_tagger_that_cannot_work_is_an_error(tmp_path: Path) -> None:
    films = films_in(tmp_path / "films", 9)
    with pytest.raises(TaggerError, match="no model"):
        list(tag(films, tagger_in(tmp_path / "tagger", "sys.exit('no model')")))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"paths": "a.mp4"}, r"paths must be several, got 'a.mp4'; hint: \['a.mp4'\]"),
        ({"paths": b"a.mp4"}, r"paths must be several, got b'a.mp4'; hint: \[b'a.mp4'\]"),
        ({"on": "spark"}, "on is local, ray, ray://auto or ray://HOST:PORT, got 'spark'"),
        ({"on": "raymond"}, "on is local, ray, ray://auto or ray://HOST:PORT, got 'raymond'"),
        ({"num_cpus": -1}, "num_cpus must be a finite number >= 0, got -1"),
        ({"num_gpus": float("nan")}, "num_gpus must be a finite number >= 0, got nan"),
        ({"cache_bytes": float("inf")}, "cache_bytes must be a finite number >= 0, got inf"),
        ({"on": "ray://auto"}, "parts is None: ray://auto needs a folder or URL that its machines"),
        ({"max_taggers": 0}, "max_taggers must be >= 1, got 0"),
        ({"params": {"a": object()}}, "Object of type object is not JSON serializable"),
        ({"parts": ""}, "parts is a folder or a URL that begins with one of s3://.*, got ''"),
        ({"parts": "ftp://a/b"}, "parts is a folder or a URL that begins with .*'ftp://a/b'"),
    ],
)
def test_arguments_that_make_no_sense(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    expected: str,
) -> None:
    """They are refused at the call, before anything is written."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.mp4").touch()
    with pytest.raises((TypeError, ValueError), match=expected):
        tag(**{"paths": ["a.mp4"], "tagger": "main.py", **options})
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_film_whose_name_is_no_utf8_fails_alone(tmp_path: Path) -> None:
    films = films_in(tmp_path / "films", 3)
    odd = tmp_path / "films" / os.fsdecode(b"001\xff.mp4")
    odd.write_bytes(b"x")

    messages = list(tag([*films, str(odd)], tagger_in(tmp_path / "tagger", MANY_TAGS)))

    assert [message for message in messages if isinstance(message, Error)] == [
        Error(
            f"the path is not UTF-8: {str(odd)!r}; hint: rename the file (file: "
            f"{odd.parent}/001\\udcff.mp4)",
            None,
        )
    ]
    assert {found.source_media for found in messages if isinstance(found, Progress)} == {*films}


@pytest.mark.parametrize("is_started", [True, False])
def test_messages_that_nobody_asks_for_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, is_started: bool
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    films = films_in(tmp_path / "films", 3)

    messages = tag(films, tagger_in(tmp_path / "tagger", MANY_TAGS))
    if is_started:
        next(messages)
    del messages  # which ends it

    assert not [path for path in (tmp_path / "temporary").iterdir() if "parts" in path.name]


def test_a_job_that_has_not_started_says_so(tmp_path: Path) -> None:
    spec = WorkSpec(Target("process", ("tagger",)), parts=str(tmp_path / "parts"))
    job = ScaleJob(spec, films_of([1.0]))
    with pytest.raises(RuntimeError, match="has not started: use it as a context manager"):
        next(job.results())
