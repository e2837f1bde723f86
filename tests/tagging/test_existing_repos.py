"""Small model repos written as existing ones are: what they rely on beyond the published guide.

Each is a whole program of its own, and runs as the runtime starts it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import pytest

from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Repo = Callable[..., tuple[int, list[dict[str, Any]], str]]

DETECTOR = """
from common_ml.tagging.models.frame_based import *
from common_ml.tagging.run_helpers import *


@dataclass
class RuntimeConfig:
    threshold: float


class Detector(FrameModel):
    def __init__(self, config: RuntimeConfig):
        self.config = config

    def tag_frame(self, img: np.ndarray) -> List[FrameTag]:
        return [
            FrameTag("face", {"x1": -0.02, "y1": 0.1, "x2": 1.2, "y2": 0.9}),
            FrameTag("face", {"x1": 0.1, "y1": 0.1, "x2": 0.2, "y2": 0.2, "score": 0.75}),
            FrameTag("scene", {}),
        ]


if __name__ == "__main__":
    catch_errors()
    params = get_params()
    logger.info(json.dumps(params))
    started = time.time()
    detector = Detector(RuntimeConfig(params.get("threshold", 0.5)))
    logger.info(f"loaded in {time.time() - started}")
    assert asdict(detector.config) == {"threshold": 0.25}
    run_default(detector, batch_timeout="0.1")
"""

SHOTS = """
from common_ml.tagging.messages import *
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.run_helpers import *
from common_ml.utils.dictionary import dict_to_str, nested_update

DEFAULTS = {"model": {"size": 3, "name": "small"}}


class Shots(AVModel):
    def __init__(self, config):
        self.config = config

    def tag(self, fpath):
        return [
            Tag(start_time=-1500, end_time=200, tag="shot", source_media=fpath, track="shots"),
            Tag(start_time=self._to_milliseconds(1.25), end_time=900, tag=dict_to_str(self.config)),
        ]


if __name__ == "__main__":
    catch_errors()
    config = nested_update(DEFAULTS, {"model": get_params()["model"]})
    assert DEFAULTS == {"model": {"size": 3, "name": "small"}}
    run_default(Shots(config))
"""

OWN_KEYS = """
from dataclasses import dataclass
from common_ml.tagging.models.av import AVModel
from common_ml.tagging.messages import Tag
from common_ml.tagging.run_helpers import catch_errors, get_params, run_default
from dacite import Config, from_dict


@dataclass(frozen=True)
class Params:
    fps: str
    sampling: int
    strict: str
    max_pixels: str
    resume: list


class Own(AVModel):
    def __init__(self, params):
        self.params = params

    def tag(self, fpath):
        return [Tag(tag=repr(self.params), source_media=fpath)]


if __name__ == "__main__":
    with catch_errors():
        params = get_params()
        params.pop("continue_on_error")
        run_default(Own(from_dict(Params, params, config=Config(strict=True))))
"""

CONVERTED = """
from common_ml.tagging.file_tagger import *
from common_ml.tagging.producer import *
from common_ml.tagging.run_helpers import *


class Faces(FrameModel):
    def tag_frame(self, img):
        return [FrameTag(tag="face", additional_info={"mean": 1}, vector=[0.5])]


class ByHand(AVModel):
    def __init__(self, model):
        self.model = model

    def tag(self, fpath: str) -> List[Tag]:
        frames, positions, times = get_frames(fpath, 1)
        return [
            self._frame_tag_to_video_tag(tag, position, fpath, time_s)
            for frame, position, time_s in zip(frames, positions, times)
            for tag in self.model.tag_frame(frame)
        ]


class Percent(TagMessageProducer):
    def __init__(self, inner):
        self.inner = inner

    def produce(self, files: List[str]) -> Iterator[Message]:
        for number, file in enumerate(files):
            yield from self.inner.produce([file])
            yield ProgressRatio(progress=100 * (number + 1) / len(files))


if __name__ == "__main__":
    from common_ml.video_processing import get_frames

    run_default(Percent(TagMessageProducer.from_model(ByHand(Faces()))))
"""


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Runs a program on a clip; gives its status, its lines and what it logged."""
    recipes.write(tmp_path / "part_1.mp4", recipes.Video(num_frames=48, rate=Fraction(24)))

    def run(program: str, params: dict[str, Any]) -> tuple[int, list[dict[str, Any]], str]:
        (tmp_path / "main.py").write_text(program)
        arguments = ["--output-path", "tags.jsonl", "--params", json.dumps(params)]
        done = subprocess.run(
            [sys.executable, "main.py", *arguments],
            cwd=tmp_path,
            input="part_1.mp4\n",
            capture_output=True,
            text=True,
            check=False,
        )
        lines = (tmp_path / "tags.jsonl").read_text().splitlines()
        return done.returncode, list(map(json.loads, lines)), done.stderr

    return run


def data_of(lines: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [line["data"] for line in lines if line["type"] == kind]


def test_a_detector_that_does_not_clip_tags_its_files(repo: Repo) -> None:
    status, lines, log = repo(DETECTOR, {"fps": 1, "threshold": 0.25, "continue_on_error": None})
    assert status == 0, log
    boxes = [tag["frame_info"]["box"] for tag in data_of(lines, "tag") if tag["frame_info"]]
    assert boxes == 2 * [
        {"x1": 0.0, "y1": 0.1, "x2": 1.0, "y2": 0.9},
        {"x1": 0.1, "y1": 0.1, "x2": 0.2, "y2": 0.2},
        None,
    ]
    assert lines[-1]["type"] == "progress"
    assert "boxes clipped that reached out of 0..1: 2, the first in Detector.tag_frame" in log
    assert "got 'score'; hint: put them into additional_info" in log


def test_shots_that_began_in_the_part_before_are_written_as_they_are(repo: Repo) -> None:
    status, lines, log = repo(SHOTS, {"model": {"size": 5}, "continue_on_error": 0})
    assert status == 0, log
    first, second = data_of(lines, "tag")
    assert (first["start_time"], first["end_time"], first["track"]) == (-1500, 200, "shots")
    assert (second["start_time"], second["end_time"]) == (1250, 900)
    assert json.loads(second["tag"]) == {"model": "{'size': 5, 'name': 'small'}"}
    assert log.count("written as it is") == 1  # negative, and out of order: one kind, one warning
    assert "Shots.tag: times: 2 in all were tolerated" in log


def test_keys_named_like_later_ones_of_the_sdk_stay_the_models_own(repo: Repo) -> None:
    own = {"fps": "auto", "sampling": 7, "strict": "very", "max_pixels": "few", "resume": [1]}
    status, lines, log = repo(OWN_KEYS, {**own, "continue_on_error": 1})
    assert status == 0, log
    (tag,) = data_of(lines, "tag")
    expected = "Params(fps='auto', sampling=7, strict='very', max_pixels='few', resume=[1])"
    assert tag["tag"] == expected


def test_frame_tags_that_a_model_converts_itself(repo: Repo) -> None:
    status, lines, log = repo(CONVERTED, {})
    assert status == 0, log
    assert data_of(lines, "tag") == [
        {
            "start_time": milliseconds,
            "end_time": milliseconds,
            "tag": "face",
            "source_media": "part_1.mp4",
            "track": "",
            "additional_info": {"mean": 1},
            "frame_info": {"frame_idx": place, "box": None},
            "vector": [0.5],
        }
        for place, milliseconds in ((0, 0), (24, 1000))
    ]
    assert data_of(lines, "progress_ratio") == [{"progress": 1.0}]
