"""Models from a command line and `models.toml`, and what their taggers say of themselves."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.errors import InvalidRequestError, TaggerError
from common_ml.runtime.targets import find_target
from common_ml.service.models.describing import spec_of
from common_ml.service.models.offers import ModelOffer, offers_of, read_offers
from common_ml.service.models.revision import revision_of

if TYPE_CHECKING:
    from pathlib import Path

DESCRIBED = """
from dataclasses import dataclass
from common_ml import FrameModel, get_params, run_default

@dataclass
class Params:
    limit: float = 0.5

class Model(FrameModel):
    '''Sees nothing.'''
    tracks = ["", "faces"]

    def tag_frame(self, img):
        return []

get_params(Params, model=Model)
"""
TOML = """
[models.ocr]
target = "tagger"
type = "image"
tags = ["text"]
slots = 2
params = { fps = 2 }
gpu = 0

[models.far]
target = "localhost/some/image:1.0"
"""
needs_toml = pytest.mark.skipif(sys.version_info < (3, 11), reason="tomli may not be installed")


def tagger(folder: Path, text: str = DESCRIBED) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "main.py").write_text(text)
    return folder


def test_a_name_is_that_of_the_folder_or_image_or_what_is_given(tmp_path: Path) -> None:
    folder = tagger(tmp_path / "my-tagger")
    program = tmp_path / "other.py"
    program.write_text("")
    given = [str(folder), str(program), "quay.io/team/ocr:1.2", f"ocr2={folder}", "a=python x.py"]

    assert [(offer.name, offer.target) for offer in offers_of(given)] == [
        ("my-tagger", str(folder)),
        ("other", str(program)),
        ("ocr", "quay.io/team/ocr:1.2"),
        ("ocr2", str(folder)),
        ("a", "python x.py"),
    ]
    with pytest.raises(InvalidRequestError, match="two models have the name 'my-tagger'"):
        offers_of([str(folder), str(folder / "main.py")])
    with pytest.raises(InvalidRequestError, match="hint: give it one"):
        offers_of(["--help"])


@needs_toml
def test_models_toml(tmp_path: Path) -> None:
    folder = tagger(tmp_path / "tagger")
    file = tmp_path / "models.toml"
    file.write_text(TOML)

    assert read_offers(file) == [
        ModelOffer(
            "ocr",
            str(folder),
            types=("image",),
            tags=("text",),
            slots=2,
            params={"fps": 2},
            gpu="0",
        ),
        ModelOffer("far", "localhost/some/image:1.0"),
    ]


def test_all_that_is_wrong_in_a_file_is_said_at_once(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    table = {"slots": 0, "type": ["film"], "taget": "x", "params": [], "target": "y"}
    file.write_text(json.dumps({"models": {"a": table, "b c": {"slots": True}}, "more": {}}))

    with pytest.raises(InvalidRequestError) as caught:
        read_offers(file)

    assert [problem.removeprefix(f"{file}: ") for problem in caught.value.problems] == [
        "unknown table 'more'",
        (
            "models.a: unknown key 'taget', expected one of ['engine_options', 'fields', 'gpu', "
            "'params', 'python', 'slots', 'tags', 'target', 'type']"
        ),
        "models.a: params must be dict, got list",
        "models.a: type must be of ['image', 'video', 'audio', 'text'], got 'film'",
        "models.b c: not a name of a model: letters, digits, ._-",
        "models.b c: target is missing",
        "models.b c: slots must be int, got bool",
    ]
    for text in ("{", "[]", "{}"):
        file.write_text(text)
        with pytest.raises(InvalidRequestError):
            read_offers(file)


def test_a_tagger_says_its_kinds_params_and_fields(tmp_path: Path) -> None:
    spec = spec_of(ModelOffer("m", str(tagger(tmp_path / "m")), params={"limit": 1}))

    assert (spec.types, spec.description) == (("image", "video"), "Sees nothing.")
    assert spec.fields == {
        "tags": {"type": "tag", "track": ""},
        "faces": {"type": "tag", "track": "faces"},
    }
    assert spec.params == {"limit": 1}
    keys = spec.params_schema["properties"]
    assert {"limit", "fps", "continue_on_error"} <= set(keys)
    assert keys["limit"]["default"] == 0.5


def test_a_tagger_without_description_is_offered_all_the_same(tmp_path: Path) -> None:
    spec = spec_of(ModelOffer("m", str(tagger(tmp_path / "m", "raise SystemExit(1)"))))

    assert (spec.types, spec.params_schema) == (("image", "video", "audio"), {"type": "object"})
    with pytest.raises(TaggerError, match=r"no main\.py in the folder"):
        spec_of(ModelOffer("m", str(tmp_path)))


def test_the_revision_is_that_of_what_the_program_is_made_of(tmp_path: Path) -> None:
    folder = tagger(tmp_path / "a")
    (folder / "weights.bin").write_bytes(b"1")

    def revision(place: Path) -> str:
        return revision_of(find_target(str(place)))

    first = revision(folder)
    assert first.startswith("program:")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.pyc").write_bytes(b"x")
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("x")
    (folder / "tags.jsonl").write_text("{}")
    assert revision(folder) == revision(folder / "main.py") == first
    folder.rename(tmp_path / "b")
    assert revision(tmp_path / "b") == first
    (tmp_path / "b" / "weights.bin").write_bytes(b"2")
    assert revision(tmp_path / "b") != first
    (tmp_path / "b" / "weights.bin").write_bytes(b"1")
    assert revision(tmp_path / "b") == first
    program = tmp_path / "tool.py"
    program.write_text("1")
    command = find_target(f"python {program} --fast")
    one = revision_of(command)
    program.write_text("2")
    assert (
        len({first, one, revision_of(command), revision_of(find_target(f"python {program}"))}) == 4
    )
