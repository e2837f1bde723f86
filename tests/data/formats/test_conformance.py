"""Conformance suite: properties of every outside format."""

from __future__ import annotations

import inspect
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from common_ml.data import formats
from common_ml.data.record import Annotation, Box, Record
from common_ml.data.report import Report
from common_ml.errors import FormatError
from tests.data.formats.cases import CASES, Case, Wrong
from tests.data.formats.strategies import assert_alike
from tests.depth import scaled

if TYPE_CHECKING:
    from collections.abc import Iterator

# without shrinking, which takes minutes for lists of records: what fails is small enough to read
QUICK = settings(
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
WRITABLE = [case for case in CASES if case.holds is not None]


def title(case: Case) -> str:
    task = case.read_options.get("task", "")
    return "-".join(part for part in (case.name, case.suffix.strip("."), task) if part)


def module(case: Case) -> Any:
    return formats.get(case.name)


def test_every_format_is_in_the_suite() -> None:
    assert {case.name for case in CASES} == set(formats.names())
    assert {case.name for case in WRITABLE} == {n for n in formats.names() if formats.can_write(n)}


@pytest.mark.parametrize("name", formats.names())
def test_a_format_has_its_name_and_says_what_is_kept_and_lost(name: str) -> None:
    module = formats.get(name)

    assert name == module.NAME
    text = inspect.getdoc(inspect.getmodule(module.read)) or ""
    assert "Kept:" in text
    assert "Lost:" in text


@pytest.mark.hypothesis
@pytest.mark.parametrize("case", WRITABLE, ids=title)
def test_what_a_format_can_hold_comes_back_as_it_was(case: Case) -> None:
    assert case.holds is not None

    @settings(QUICK, max_examples=scaled(15))
    @given(case.holds)
    def check(records: list[Record]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"written{case.suffix}"
            report = module(case).write(iter(records), target, **case.write_options)

            assert report == Report(written=len(records))
            if not records and case.name == "webvtt":
                return  # a folder without files
            found = [case.normal(one) for one in module(case).read(target, **case.read_options)]
            # files of a folder come in the order of their names
            order = {one.id: place for place, one in enumerate(records)}
            assert_alike(sorted(found, key=lambda one: order[one.id]), records, digits=case.digits)

    check()


@pytest.mark.hypothesis
@pytest.mark.parametrize("case", WRITABLE, ids=title)
def test_any_record_is_written_or_reported_and_what_is_written_can_be_read(case: Case) -> None:
    """Records that a format was not made for: nothing is lost without a word, nothing breaks."""
    from tests.data.formats.strategies import any_records, many

    @settings(QUICK, max_examples=scaled(15))
    @given(many(any_records()))
    def check(records: list[Record]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder) / f"written{case.suffix}"
            report = module(case).write(iter(records), target, **case.write_options)

            left_out = {skipped.what for skipped in report.skipped}
            assert report.written + len(left_out) >= len(records)
            if report.written or case.name != "webvtt":
                assert len(list(module(case).read(target, **case.read_options))) == report.written

    check()


WRONGS = [
    pytest.param(case, wrong, id=f"{title(case)}-{number}")
    for case in CASES
    for number, wrong in enumerate(case.wrongs, 1)
]


@pytest.mark.parametrize(("case", "wrong"), WRONGS)
def test_an_error_names_the_file_the_line_or_item_and_the_field(
    tmp_path: Path, case: Case, wrong: Wrong
) -> None:
    case.prepare(tmp_path)
    path = tmp_path / f"{wrong.name}{case.suffix}"
    path.write_text(wrong.text, encoding="utf-8", newline="")
    source = path if case.suffix else tmp_path

    with pytest.raises(FormatError) as caught:
        list(module(case).read(source, **case.read_options))

    assert (caught.value.place, caught.value.field) == (wrong.place, wrong.field)
    for part in (str(path), wrong.place, wrong.field):
        assert part in str(caught.value)


@pytest.mark.parametrize("case", [case for case in CASES if case.suffix], ids=title)
@pytest.mark.parametrize("content", [b"\xff\xfe\x00broken", b'["\xff"]', b"WEBVTT\n\n\xff"])
def test_what_is_no_text_is_refused(tmp_path: Path, case: Case, content: bytes) -> None:
    path = tmp_path / f"bytes{case.suffix}"
    path.write_bytes(content)

    with pytest.raises(FormatError, match="bytes"):
        list(module(case).read(path, **case.read_options))


@pytest.mark.parametrize("case", CASES, ids=title)
def test_a_file_that_is_not_there_is_an_os_error(tmp_path: Path, case: Case) -> None:
    with pytest.raises(OSError, match="No such file"):
        list(module(case).read(tmp_path / f"absent{case.suffix}", **case.read_options))


@pytest.mark.parametrize("case", WRITABLE, ids=title)
def test_nothing_is_half_written(tmp_path: Path, case: Case) -> None:
    """A source that fails amid its records leaves the target, and its folder, as they were."""
    target = tmp_path / f"target{case.suffix}"
    write = module(case).write
    write([record(1, case)], target, **case.write_options)
    before = snapshot(tmp_path)

    def failing() -> Iterator[Record]:
        yield record(2, case)
        raise FormatError("the source broke", path="source")

    with pytest.raises(FormatError, match="the source broke"):
        write(failing(), target, **case.write_options)

    assert snapshot(tmp_path) == before
    report = write([record(3, case)], target, **case.write_options)
    assert report.written == 1
    assert not [path for path in tmp_path.rglob("*") if "partial" in path.name]


@pytest.mark.parametrize("case", WRITABLE, ids=title)
def test_missing_folders_are_made(tmp_path: Path, case: Case) -> None:
    target = tmp_path / "a" / "b" / f"target{case.suffix}"

    module(case).write([record(1, case)], target, **case.write_options)

    (found,) = module(case).read(target, **case.read_options)
    assert found.media == record(1, case).media


def record(number: int, case: Case) -> Record:
    """One that the format can hold something of."""
    return Record(
        media=f"{number}",
        kind="video" if case.name == "webvtt" else "image",
        width=100,
        height=50,
        annotations=(
            Annotation("car", box=Box(0.1, 0.2, 0.5, 0.6), start_seconds=1, end_seconds=2),
        ),
    )


def snapshot(folder: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_the_suite_can_fail() -> None:
    """Records that differ in one place are detected."""
    one, other = record(1, CASES[0]), record(2, CASES[0])

    with pytest.raises(AssertionError, match=r"record\.media"):
        assert_alike([one], [other], digits=9)
    with pytest.raises(AssertionError):
        assert_alike([one], [], digits=9)


def test_unknown_formats_are_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(FormatError, match="did you mean coco"):
        formats.get("cocos")


def test_strategies_make_records_of_every_kind() -> None:
    """The round trips are not of empty lists."""
    for case in WRITABLE:
        assert case.holds is not None
        find(
            case.holds,
            lambda records: sum(len(one.annotations) for one in records) >= 3,
            settings=settings(QUICK, max_examples=150),
        )
