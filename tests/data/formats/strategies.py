"""Records for Hypothesis: anything that a format can hold, and no more."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

from common_ml.data.record import Annotation, Box, Mask, Record

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

    from common_ml.data.record import Unit

texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1, max_size=12
)
"""Any text: line breaks, quotes, commas, other alphabets."""
plain_texts = texts.map(lambda text: " ".join(text.split())).filter(bool)
"""Without blanks at the ends or in a row."""
ratios = st.floats(0, 1)
json_values: SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.integers(-(10**25), 10**25)
    | st.floats(-1e9, 1e9)
    | texts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts, inner, max_size=2),
    max_leaves=4,
)
keys = st.sampled_from(["source", "Camera 1", "weather", "größe", "n"])
metadata = st.dictionaries(keys, json_values, max_size=3)
attributes = metadata


@st.composite
def boxes(draw: st.DrawFn, *, least: float = 0.0) -> Box:
    """Boxes with sides of at least that much."""
    x1, y1 = draw(st.floats(0, 1 - least)), draw(st.floats(0, 1 - least))
    return Box(x1, y1, draw(st.floats(x1 + least, 1)), draw(st.floats(y1 + least, 1)))


polygons = st.lists(st.tuples(ratios, ratios), min_size=3, max_size=5).map(tuple)


@st.composite
def masks(draw: st.DrawFn, width: int, height: int) -> Mask:
    """Masks that are not empty."""
    seed = draw(st.integers(0, 2**32 - 1))
    inside = np.random.default_rng(seed).random((height, width)) < draw(st.floats(0, 1))
    inside[draw(st.integers(0, height - 1)), draw(st.integers(0, width - 1))] = True
    return Mask.from_array(inside)


def times(step_seconds: float = 0.001) -> SearchStrategy[tuple[float, float]]:
    """Start and end on a grid, at least one step apart."""
    starts, lengths = st.integers(0, 10**7), st.integers(1, 10**6)
    return st.tuples(starts, lengths).map(
        lambda pair: (pair[0] * step_seconds, (pair[0] + pair[1]) * step_seconds)
    )


sides = st.integers(1, 4000)


meant_keys = st.sampled_from(
    [
        *("split", "fps", "type", "label_image", "folder", "segmented", "depth", "file_name"),
        *("image", "video", "area", "iscrowd", "keypoints", "category", "more_polygons"),
        *("occluded", "z_order", "pose"),
    ]
)
"""Keys that some format gives a meaning."""
pixels = st.floats(-50, 5000) | st.integers(0, 5000)
points = st.lists(st.lists(pixels, min_size=2, max_size=2), min_size=1, max_size=4)
geometries = st.fixed_dictionaries(
    {"type": st.sampled_from(["box", "rotated_box", "line", "point", "ellipse", "cuboid", "star"])},
    optional={
        "unit": st.sampled_from(["pixel", "ratio"]),
        "points": points,
        "center": st.lists(pixels, min_size=2, max_size=2),
        "radii": st.lists(pixels, min_size=2, max_size=2),
        "rotation": st.floats(-7, 7),
        **dict.fromkeys(("left", "top", "width", "height"), pixels),
    },
)
"""What `attributes["geometry"]` may be; some of its keys may be missing."""


@st.composite
def any_records(draw: st.DrawFn) -> Record:
    """Whatever a record can be: sizes half known, masks of other sizes, keys with a meaning."""
    unit: Unit = draw(st.sampled_from(["ratio", "ratio", "pixel"]))
    width, height = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    scale = (1000, 800) if unit == "pixel" else (1, 1)
    annotation = st.builds(
        Annotation,
        label=texts,
        track=texts | st.just(""),
        value=st.integers(0, 1),
        confidence=st.none() | ratios,
        box=st.none() | boxes().map(lambda box: box.scaled(*scale)),
        polygon=st.none()
        | polygons.map(lambda corners: tuple((x * scale[0], y * scale[1]) for x, y in corners)),
        mask=st.none() | masks(width, height) | st.just(Mask(image="a,b.png", index=7)),
        frame_index=st.none() | st.integers(0, 10**6),
        attributes=attributes
        | st.dictionaries(meant_keys, json_values, max_size=3)
        | geometries.map(lambda geometry: {"geometry": geometry}),
        vector=st.none() | st.lists(st.floats(-9, 9), min_size=1, max_size=3).map(tuple),
    )
    timed = st.builds(
        lambda one, time: replace(one, start_seconds=time[0], end_seconds=time[1]),
        annotation,
        times(),
    )
    return draw(
        st.builds(
            Record,
            media=texts,
            kind=st.sampled_from(["image", "video", "audio", ""]),
            width=st.none() | sides | st.just(width),
            height=st.none() | sides | st.just(height),
            duration_seconds=st.none() | st.floats(0, 1e6),
            annotations=st.lists(annotation | timed, max_size=4),
            metadata=metadata | st.dictionaries(meant_keys, json_values, max_size=3),
            id=texts | st.just(""),
            frame_index=st.none() | st.integers(0, 10**6),
            time_seconds=st.none() | st.floats(0, 1e6),
            unit=st.just(unit),
        )
    )


def as_readers_give_it(record: Record) -> Record:
    """Readers give pixels only where the size is not known whole."""
    return replace(record, width=None) if record.unit == "pixel" else record


def many(records: SearchStrategy[Record]) -> SearchStrategy[list[Record]]:
    """A few, no two of one media or id."""
    return st.lists(records, max_size=4, unique_by=(lambda one: one.media, lambda one: one.id))


def assert_alike(found: Sequence[Record], expected: Sequence[Record], *, digits: float) -> None:
    """Raises unless the records are the same but for a rounding error in places and times."""
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        _assert_alike(one.to_json(), other.to_json(), 10**-digits, "record")


def _assert_alike(found: Any, expected: Any, tolerance: float, at: str) -> None:
    if isinstance(expected, float) and isinstance(found, (int, float)):
        assert abs(found - expected) <= tolerance * max(1.0, abs(expected)), at
    elif isinstance(expected, dict):
        assert isinstance(found, dict), at
        assert found.keys() == expected.keys(), at
        for key, value in expected.items():
            _assert_alike(found[key], value, tolerance, f"{at}.{key}")
    elif isinstance(expected, (list, tuple)):
        assert len(found) == len(expected), at
        for place, value in enumerate(expected):
            _assert_alike(found[place], value, tolerance, f"{at}[{place}]")
    else:
        assert found == expected, at
