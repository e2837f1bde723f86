"""`--describe`: what a program tells about itself before it loads any weights."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Optional

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from common_ml.errors import ParamsError
from common_ml.tagging import run_helpers
from common_ml.tagging.description import describe_program, is_asked_for
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel
from common_ml.tagging.params.field_docs import field_docs
from common_ml.tagging.params.json_schema import json_schema, sdk_json_schema
from common_ml.tagging.params.parsing import to_schema
from common_ml.tagging.params.sdk_options import PUBLISHED_KEYS, SDK_KEYS, SECTION, SdkOptions
from common_ml.tagging.producer import TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common_ml.tagging.messages import Message, Tag

MAIN = """
from dataclasses import dataclass
from common_ml import AVModel, catch_errors, get_params, run_default

@dataclass
class Params:
    threshold: float = 0.5
    '''Above this it is speech; 0..1.'''

class Speech(AVModel):
    '''Finds speech.

    And more.
    '''
    tracks = ("speech",)
    def __init__(self, params):
        raise SystemExit("the weights are being loaded")
    def tag(self, fpath):
        return []

if __name__ == "__main__":
    print("a library says hello")
    with catch_errors():
        run_default(Speech(get_params(Params, model=Speech)))
"""


class Speech(AVModel):
    """Finds speech."""

    tracks = ("speech", "noise")

    def tag(self, fpath: str) -> list[Tag]:
        return []


class Faces(FrameModel):
    name = "faces-of-people"

    def tag_frame(self, img: Any) -> list[Any]:
        return []


class Many(BatchFrameModel):
    @property
    def tracks(self) -> list[str]:
        raise AssertionError("nothing is run to describe a class")

    def tag_frames(self, imgs: Any) -> list[Any]:
        return []


class Own(TagMessageProducer):
    tracks = [1, 2]  # noqa: RUF012 - no list of names: no declaration

    def produce(self, files: list[str]) -> Iterator[Message]:
        return iter(())


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True)
class Inner:
    size: int
    """Pixels."""


@dataclass(frozen=True)
class Params:
    """What it takes."""

    needed: str
    perhaps: Optional[int]  # noqa: UP045 - as existing repos write it
    threshold: float = 0.5
    """How sure it must be; 0..1."""
    mode: Literal["fast", "good"] = "fast"
    colour: Colour = Colour.RED
    inner: Inner | None = None
    labels: list[str] = field(default_factory=list)
    weights: Path = Path("weights.pt")


class Settings(BaseModel):
    size: int = Field(default=3, ge=1, description="Of the window.")
    depth: int = 1
    """Levels."""


class OpenSettings(BaseModel):
    model_config = ConfigDict(extra="allow")
    size: int = 3


def test_a_program_answers_without_its_weights(tmp_path: Path) -> None:
    """One line of JSON on stdout, behind whatever is printed by what it imports."""
    (tmp_path / "main.py").write_text(MAIN)

    done = subprocess.run(
        [sys.executable, "main.py", "--describe"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.returncode, done.stderr) == (0, "")
    greeting, line = done.stdout.splitlines()
    assert greeting == "a library says hello"
    answer = json.loads(line)
    assert {key: answer[key] for key in ("describe", "name", "summary", "kind", "tracks")} == {
        "describe": 1,
        "name": "Speech",
        "summary": "Finds speech.",
        "kind": "av",
        "tracks": ["speech"],
    }
    assert answer["params"]["properties"] == {
        "threshold": {
            "type": "number",
            "default": 0.5,
            "description": "Above this it is speech; 0..1.",
        }
    }
    assert answer["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert set(answer["versions"]) >= {"common_ml", "numpy", "av", "cv2"}


def test_a_job_is_never_taken_for_the_question() -> None:
    """Unknown arguments are tolerated, this one too: a runtime always names the output."""
    assert is_asked_for(["--describe"])
    assert is_asked_for(["--params", "{}", "--describe"])
    assert not is_asked_for([])
    assert not is_asked_for(["--describe", "--output-path", "tags.jsonl"])
    assert not is_asked_for(["--output-path=tags.jsonl", "--describe"])


def test_a_program_that_takes_its_params_as_they_come_answers_as_well(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", "--describe"])

    with pytest.raises(SystemExit) as end:
        run_helpers.get_params(model=Faces)

    answer = json.loads(capsys.readouterr().out)
    assert end.value.code == 0
    assert (answer["name"], answer["kind"]) == ("faces-of-people", "frame")
    assert answer["params"]["additionalProperties"] is True


def test_one_that_never_asks_for_params_answers_when_it_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", "--describe"])

    with pytest.raises(SystemExit) as end:
        run_helpers.run_default(Many())

    assert end.value.code == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "batch"


def test_a_class_that_is_not_named_is_not_known(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["main.py", "--describe"])

    with pytest.raises(SystemExit):
        run_helpers.get_params(Params)

    answer = json.loads(capsys.readouterr().out)
    assert (answer["kind"], answer["tracks"], answer["summary"]) == (None, None, None)


@pytest.mark.parametrize(
    ("model", "name", "kind", "tracks"),
    [
        (Speech, "Speech", "av", ["speech", "noise"]),
        (Faces, "faces-of-people", "frame", None),
        (Many, "Many", "batch", None),
        (Own, "Own", "producer", None),
    ],
)
def test_a_class_tells_what_it_is(
    model: type[Any], name: str, kind: str, tracks: list[str] | None
) -> None:
    """It is only looked at: no property and no `__init__` runs."""
    answer = describe_program(None, model)

    assert (answer["name"], answer["kind"], answer["tracks"]) == (name, kind, tracks)


def test_params_are_told_as_json_schema() -> None:
    schema = json_schema(Params)

    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"] == "What it takes."
    assert schema["required"] == ["needed"]  # what takes None need not be given
    assert schema["properties"]["threshold"]["description"] == "How sure it must be; 0..1."
    assert schema["$defs"]["Inner"]["properties"]["size"]["description"] == "Pixels."


_VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-5, 5),
    st.sampled_from([0.25, -0.5, 1e9]),
    st.sampled_from(["", "fast", "good", "red", "a b"]),
    st.lists(st.sampled_from(["a", 1]), max_size=2),
    st.fixed_dictionaries({"size": st.sampled_from([1, "1"])}),
)


@given(
    params=st.dictionaries(st.sampled_from([*Params.__dataclass_fields__, "other"]), _VALUES)
    | st.fixed_dictionaries({"needed": st.just("x")}, optional={"inner": _VALUES, "mode": _VALUES})
)
def test_the_schema_takes_what_the_program_takes(params: dict[str, Any]) -> None:
    """By an independent reader of JSON Schema."""
    try:
        to_schema(params, Params)
    except ParamsError:
        taken = False
    else:
        taken = True

    assert jsonschema.Draft202012Validator(json_schema(Params)).is_valid(params) == taken


@given(
    key=st.sampled_from([*SDK_KEYS]),
    value=_VALUES | st.sampled_from(["rate", "keyframes", "tolerate", "fail", "eng"]),
)
def test_the_schema_of_the_sdk_takes_what_the_sdk_takes(key: str, value: Any) -> None:
    validator = jsonschema.Draft202012Validator(sdk_json_schema())
    params = {key: value} if key in PUBLISHED_KEYS else {SECTION: {key: value}}

    assert validator.is_valid({**params, "own": 1}) == (
        SDK_KEYS[key].is_valid(value)
        # JSON Schema has no difference between 1e9 and 1000000000
        or (SDK_KEYS[key].expected.startswith("a whole number") and value == 1e9)
    )


def test_the_schema_of_the_sdk_is_whole() -> None:
    properties = sdk_json_schema()["properties"]
    section = properties.pop(SECTION)

    assert (section["default"], section["additionalProperties"]) == ({}, False)
    assert set(properties) == set(PUBLISHED_KEYS)
    everything = {**properties, **section["properties"]}
    assert set(everything) == set(SDK_KEYS)
    assert {key: value["default"] for key, value in everything.items()} == vars(SdkOptions())
    assert all(value["description"] for value in [section, *everything.values()])


def test_a_pydantic_model_tells_as_much() -> None:
    schema = json_schema(Settings)

    assert schema["properties"]["size"]["minimum"] == 1
    assert schema["properties"]["size"]["description"] == "Of the window."
    assert schema["properties"]["depth"]["description"] == "Levels."
    assert schema["additionalProperties"] is False
    assert json_schema(OpenSettings)["additionalProperties"] is True


def test_a_type_that_json_schema_cannot_tell_takes_anything() -> None:
    class Strange:
        pass

    @dataclass
    class Odd:
        strange: Strange | None = None
        number: int = 1

    schema = json_schema(Odd)

    assert set(schema["properties"]) == {"strange", "number"}
    assert jsonschema.Draft202012Validator(schema).is_valid({"strange": "x"})


def test_texts_under_fields_are_found_in_bases_too() -> None:
    @dataclass(frozen=True)
    class Wider(Inner):
        depth: int = 1
        """Levels,
        of them."""
        plain: int = 2

    assert field_docs(Wider) == {"size": "Pixels.", "depth": "Levels,\nof them."}
    assert field_docs(int) == {}
