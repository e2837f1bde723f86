"""Messages: values are normalised on construction, invalid ones are named."""

from __future__ import annotations

import copy
import dataclasses
import enum
import pickle
import subprocess
import sys
from collections import UserDict
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.errors import MessageError
from common_ml.tagging.field_values import ReducedBox
from common_ml.tagging.messages import Error, FrameInfo, Message, Progress, ProgressRatio, Tag
from common_ml.tagging.models.tag_types import FrameTag

BOX = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}


class Colour(str, enum.Enum):
    RED = "red"


class Tensor:
    """Stands in for a torch tensor on a GPU, with a gradient, of a type that numpy lacks."""

    __module__ = "torch"
    layout = "torch.strided"

    def __init__(self, values: Any, *, on_gpu: bool = True, known_to_numpy: bool = False) -> None:
        self.array = np.asarray(values)
        self.on_gpu, self.known_to_numpy, self.needs_gradient = on_gpu, known_to_numpy, True
        self.ndim = self.array.ndim

    def _with(self, **changes: bool) -> Tensor:
        twin = copy.copy(self)
        vars(twin).update(changes)
        return twin

    def detach(self) -> Tensor:
        return self._with(needs_gradient=False)

    def cpu(self) -> Tensor:
        return self._with(on_gpu=False)

    def float(self) -> Tensor:
        return self._with(known_to_numpy=True)

    def resolve_conj(self) -> Tensor:
        return self

    def resolve_neg(self) -> Tensor:
        return self

    def item(self) -> Any:
        return self.array.item()

    def numpy(self) -> Any:
        if self.on_gpu or self.needs_gradient or not self.known_to_numpy:
            raise TypeError
        return self.array


def test_defaults_are_those_that_existing_repos_rely_on() -> None:
    assert dataclasses.asdict(Tag()) == {
        "start_time": 0,
        "end_time": 0,
        "tag": "",
        "source_media": "",
        "track": "",
        "additional_info": None,
        "frame_info": None,
        "vector": None,
    }
    assert FrameInfo(3).box is None
    assert dataclasses.asdict(FrameTag()) == {
        "tag": "",
        "box": None,
        "additional_info": None,
        "vector": None,
        "track": "",
        "confidence": None,
    }
    assert Error("no").source_media is None


def test_asdict_goes_into_the_frame() -> None:
    tag = Tag(1, 2, "a", frame_info=FrameInfo(45, BOX), vector=[1.0])
    assert dataclasses.asdict(tag)["frame_info"] == {"frame_idx": 45, "box": BOX}
    assert dataclasses.asdict(tag)["vector"] == [1.0]


@pytest.mark.parametrize("vector", [None, [0.5, 1]])
def test_a_tag_is_a_value(vector: Any) -> None:
    """Equal, replaced, copied and pickled as any frozen dataclass."""
    tag = Tag(1, 2, "a", "m.mp4", "t", {"k": 1}, FrameInfo(4, BOX), vector)
    twin = Tag(1, 2, "a", "m.mp4", "t", {"k": 1}, FrameInfo(4, dict(BOX)), vector)
    assert tag == twin
    assert dataclasses.replace(tag, tag="b") != tag
    assert dataclasses.replace(tag, tag="b", track="u") == dataclasses.replace(
        twin, track="u", tag="b"
    )
    assert dataclasses.replace(tag, vector=None).vector is None
    assert pickle.loads(pickle.dumps(tag)) == copy.deepcopy(tag) == tag  # noqa: S301 - our own
    assert hash(Tag(1, 2, "a")) == hash(Tag(1, 2, "a"))
    with pytest.raises(dataclasses.FrozenInstanceError):
        tag.tag = "c"  # type: ignore[misc] # what is tested


def test_every_message_has_one_base() -> None:
    for message in (Tag(), Progress("a"), ProgressRatio(0.5), Error("e")):
        assert isinstance(message, Message)


def test_a_dict_becomes_frame_info() -> None:
    assert Tag(frame_info={"frame_idx": 45}).frame_info == FrameInfo(45)
    assert Tag(frame_info={"frame_idx": 45, "box": BOX}).frame_info == FrameInfo(45, BOX)
    again = Tag(**dataclasses.asdict(Tag(frame_info=FrameInfo(45, BOX))))
    assert again == Tag(frame_info=FrameInfo(45, BOX))


def test_a_box_is_a_copy_in_the_order_of_the_wire() -> None:
    given_box = {"y2": 0.4, "x2": 0.3, "y1": 0.2, "x1": 0.1}
    info = FrameInfo(0, given_box)
    given_box["x1"] = 9.0
    assert list((info.box or {}).items()) == list(BOX.items())


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (5, 5),
        (np.int64(5), 5),
        (np.uint8(5), 5),
        (np.array(5), 5),
        (Tensor(5), 5),
        (5.0, 5),
        (5.4, 5),
        (5.6, 6),
        (np.float32(5.6), 6),
        (Fraction(11, 2), 6),
    ],
)
def test_times_become_whole_milliseconds(given_value: Any, kept: int) -> None:
    tag = Tag(given_value, given_value)
    assert (tag.start_time, tag.end_time) == (kept, kept)
    assert type(tag.start_time) is type(tag.end_time) is int


@pytest.mark.parametrize("given_text", [np.str_("red"), Colour.RED])
def test_texts_become_plain(given_text: str) -> None:
    tag = Tag(tag=given_text, source_media=given_text, track=given_text)
    assert [type(text) for text in (tag.tag, tag.source_media, tag.track)] == [str, str, str]
    assert tag.tag == FrameTag(given_text).tag == "red"
    assert type(Progress(given_text).source_media) is str
    error = Error(given_text, given_text)
    assert (type(error.message), type(error.source_media)) == (str, str)


@pytest.mark.parametrize(
    "vector",
    [
        [0.5, 1, 2],
        (0.5, 1, 2),
        np.array([0.5, 1, 2], np.float16),
        np.array([0.5, 1, 2], np.longdouble),
        np.array([0.5, 1, 2], ">f4"),
        np.array([0.5, 9, 1, 9, 2])[::2],
        [np.float32(0.5), np.int64(1), 2],
        [Tensor(0.5), Tensor(1), Tensor(2)],
        Tensor([0.5, 1, 2]),
        Tensor([0.5, 1, 2], on_gpu=False, known_to_numpy=True),
    ],
)
def test_a_vector_becomes_a_list_of_numbers(vector: Any) -> None:
    for kept in (Tag(vector=vector).vector, FrameTag(vector=vector).vector):
        assert kept == [0.5, 1, 2]
        assert kept is not vector
        assert {type(number) for number in kept} <= {int, float}


def test_numbers_of_a_box_become_plain() -> None:
    box = FrameInfo(2, {"x1": np.float32(0.5), "y1": 0, "x2": Tensor(1), "y2": 1.0}).box
    assert box == {"x1": 0.5, "y1": 0, "x2": 1, "y2": 1.0}
    assert {type(number) for number in box.values()} == {int, float}
    assert type(Tag(frame_info={"frame_idx": np.int32(2)}).frame_info.frame_idx) is int  # type: ignore[union-attr] # there is one


def test_mappings_become_dicts() -> None:
    tag = Tag(additional_info=UserDict(a=1), frame_info=UserDict(frame_idx=1, box=UserDict(BOX)))
    assert type(tag.additional_info) is dict
    assert tag.frame_info == FrameInfo(1, BOX)


def wrong_tags() -> list[tuple[dict[str, Any], str, str]]:
    return [
        ({"start_time": "5"}, "start_time", "a whole number of milliseconds, got str '5'"),
        ({"start_time": True}, "start_time", "a whole number of milliseconds, got bool True"),
        ({"start_time": None}, "start_time", "a whole number of milliseconds, got None"),
        ({"end_time": float("nan")}, "end_time", "a whole number of milliseconds, got float nan"),
        ({"end_time": float("inf")}, "end_time", "a whole number of milliseconds, got float inf"),
        ({"tag": 7}, "tag", "a str, got int 7"),
        ({"tag": None}, "tag", "a str, got None"),
        ({"tag": b"a"}, "tag", "a str, got bytes b'a'"),
        ({"source_media": 7}, "source_media", "a str, got int 7"),
        ({"track": []}, "track", "a str, got list []"),
        ({"additional_info": [1]}, "additional_info", "a dict or None, got list [1]"),
        ({"additional_info": "x"}, "additional_info", "a dict or None, got str 'x'"),
        ({"frame_info": 5}, "frame_info", "a FrameInfo, a dict or None, got int 5"),
        ({"frame_info": {}}, "frame_info.frame_idx", "is missing"),
        ({"frame_info": {"frame_idx": 1, "x": 2}}, "frame_info.x", "frame_idx or box, got str 'x'"),
        ({"frame_info": {"frame_idx": 1.5}}, "frame_info.frame_idx", "a whole number, got float"),
        ({"frame_info": {"frame_idx": True}}, "frame_info.frame_idx", "a whole number, got bool"),
        ({"vector": "abc"}, "vector", "a list of numbers or None, got str 'abc'"),
        ({"vector": 5.0}, "vector", "a list of numbers or None, got float 5.0"),
        ({"vector": [1.0, True]}, "vector[1]", "a number, got bool True"),
        ({"vector": [1.0, None]}, "vector[1]", "a number, got None"),
        ({"vector": [[1.0]]}, "vector[0]", "a number, got list [1.0]"),
        (
            {"vector": np.zeros((1, 3))},
            "vector",
            "have one dimension, got an array of shape (1, 3)",
        ),
        ({"vector": np.array([True])}, "vector", "an array of numbers, got ndarray"),
        ({"vector": np.array([1j])}, "vector", "an array of numbers, got ndarray"),
    ]


@pytest.mark.parametrize(("fields", "field", "words"), wrong_tags())
def test_a_wrong_type_is_named_where_it_is_made(
    fields: dict[str, Any], field: str, words: str
) -> None:
    with pytest.raises(MessageError) as caught:
        Tag(**fields)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field} ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("box", "field"),
    [
        ([0.1, 0.2, 0.3, 0.4], "box"),
        ({"x1": 0.1, "y1": 0.2, "x2": 0.3}, "box.y2"),
        ({"left": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.4}, "box.x1"),
        ({**BOX, "x2": "0.3"}, "box.x2"),
        ({**BOX, "x2": None}, "box.x2"),
        ({**BOX, "x2": False}, "box.x2"),
        ({**BOX, "y1": float("nan")}, "box.y1"),
    ],
)
def test_a_wrong_box_is_named(box: Any, field: str) -> None:
    with pytest.raises(MessageError) as caught:
        FrameTag(box=box)
    assert caught.value.field == field
    with pytest.raises(MessageError) as caught:
        Tag(frame_info={"frame_idx": 0, "box": box})
    assert caught.value.field == f"frame_info.{field}"


def test_an_empty_box_is_none() -> None:
    assert FrameTag(box={}).box is None
    assert Tag(frame_info={"frame_idx": 0, "box": {}}).frame_info == FrameInfo(0)


def test_other_keys_of_a_box_are_left_out() -> None:
    box = FrameTag(box={**BOX, "score": 0.5}).box
    assert box == BOX
    assert FrameInfo(0, {**BOX, "score": 0.5}) == FrameInfo(0, BOX)
    assert isinstance(box, ReducedBox)
    assert box.dropped == ("score",)


@pytest.mark.parametrize("progress", [-0.1, 100.1, float("nan"), float("inf"), True, "0.5", None])
def test_a_ratio_is_a_number_from_0_to_1(progress: Any) -> None:
    with pytest.raises(MessageError, match="progress must be a number from 0 to 1"):
        ProgressRatio(progress)


@pytest.mark.parametrize(("sent", "meant"), [(0, 0), (1, 1), (0.5, 0.5), (50, 0.5), (100, 1)])
def test_a_ratio_above_1_is_a_percentage(sent: float, meant: float) -> None:
    assert ProgressRatio(sent).progress == meant
    assert dataclasses.replace(ProgressRatio(sent)) == ProgressRatio(meant)


def test_ratios_of_numpy_are_taken() -> None:
    assert ProgressRatio(np.float64(0.5)) == ProgressRatio(0.5)
    assert ProgressRatio(1).progress == 1
    assert type(ProgressRatio(np.float64(0.5)).progress) is float


def test_other_messages_check_their_texts() -> None:
    for make in (lambda: Progress(5), lambda: Error(ValueError("x")), lambda: Error("x", 5)):  # type: ignore[arg-type] # what is tested
        with pytest.raises(MessageError, match="must be a str"):
            make()


@given(
    start=st.integers(0, 10**9),
    length=st.integers(0, 10**9),
    box=st.none() | st.fixed_dictionaries(dict.fromkeys(BOX, st.floats(-2, 2))),
    vector=st.none() | st.lists(st.floats(allow_nan=False) | st.integers()),
)
def test_well_formed_values_are_kept(start: int, length: int, box: Any, vector: Any) -> None:
    tag = Tag(start, start + length, frame_info={"frame_idx": 0, "box": box}, vector=vector)
    assert (tag.start_time, tag.end_time, tag.vector) == (start, start + length, vector)
    assert tag.frame_info is not None
    assert tag.frame_info.box == box


def test_a_value_without_a_repr_is_named_all_the_same() -> None:
    class Silent:
        def __repr__(self) -> str:
            raise RuntimeError

    with pytest.raises(MessageError, match="got Silent \\(its repr raises RuntimeError\\)"):
        Tag(tag=Silent())  # type: ignore[arg-type] # what is tested


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("common_ml.tagging.messages", "Message Tag FrameInfo Progress ProgressRatio Error"),
        ("common_ml.tagging.models.tag_types", "FrameTag Tag FrameInfo Message Progress"),
    ],
)
def test_star_imports_bring_the_old_names(module: str, names: str) -> None:
    namespace: dict[str, Any] = {}
    exec(f"from {module} import *", namespace)  # noqa: S102 - what is tested
    typing_names = "List Dict Optional Union Any Tuple Iterator Iterable Callable"
    others = "np dataclass field asdict ABC abstractmethod"
    assert {*f"{names} {typing_names} {others}".split()} <= namespace.keys()


def test_messages_load_nothing_heavy() -> None:
    heavy = "{'cv2', 'pydantic', 'torch', 'av'}"
    modules = "sys, common_ml.tagging.wire, common_ml.tagging.params.parsing"
    code = f"import {modules}; print({heavy} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
