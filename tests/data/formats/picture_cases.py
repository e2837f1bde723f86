"""Cases of the formats that training tools read: YOLO, Pascal VOC, CVAT, FiftyOne, Hugging Face."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

from common_ml.data.record import Annotation, Record
from tests.data.formats import strategies as data

if TYPE_CHECKING:
    from pathlib import Path

    from hypothesis.strategies import SearchStrategy

names = st.text("abcxyz019_ä é-", min_size=1, max_size=9).map(
    lambda text: f"{text.strip()}x".replace("  ", " ")
)
"""Plain names of files, in which spaces may be."""
xml_texts = data.plain_texts.filter(
    lambda text: (
        all(one == "\n" or (one >= " " and one not in "\ufffe\uffff") for one in text)
        and text == " ".join(text.split())
    )
)
"""What XML gives back unchanged."""
_plain = st.integers(-(10**9), 10**9) | st.sampled_from(["red", "a b", "ä", "<&>\"'"])


@st.composite
def yolo_records(draw: st.DrawFn, *, polygons: bool) -> Record:
    """Pictures of some part."""
    places: SearchStrategy[dict[str, Any]] = (
        st.fixed_dictionaries({"polygon": data.polygons})
        if polygons
        else st.fixed_dictionaries({"box": data.boxes()})
    )
    return Record(
        media=f"{draw(names)}.jpg",
        kind="image",
        annotations=tuple(
            Annotation(draw(data.texts), **place) for place in draw(st.lists(places, max_size=4))
        ),
        metadata={"split": draw(st.sampled_from(["train", "val", "test"]))},
    )


@st.composite
def voc_records(draw: st.DrawFn) -> Record:
    """Pictures with a size, boxes, polygons and plain attributes."""
    annotations = [
        Annotation(
            draw(xml_texts),
            box=draw(data.boxes()),
            polygon=draw(st.none() | data.polygons),
            attributes=draw(
                st.fixed_dictionaries(
                    {},
                    optional={
                        "difficult": st.just(1),
                        "pose": st.sampled_from(["Left", "Frontal"]),
                        "colour": _plain,
                        "n": st.floats(0.25, 0.75).map(lambda one: round(one, 3) + 1),
                    },
                )
            ),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Record(
        media=f"{draw(names)}.jpg",
        kind="image",
        width=draw(st.integers(1, 5000)),
        height=draw(st.integers(1, 5000)),
        annotations=tuple(annotations),
        metadata=draw(
            st.fixed_dictionaries(
                {}, optional={"folder": st.just("f"), "split": st.just("val"), "depth": st.just(1)}
            )
        ),
    )


_cvat_attributes = st.fixed_dictionaries(
    {},
    optional={
        "occluded": st.just(1),
        "z_order": st.integers(1, 9),
        "colour": _plain,
        "open": st.booleans(),
    },
)


@st.composite
def cvat_records(draw: st.DrawFn) -> Record:
    """Pictures with boxes, polygons, masks, and labels of the whole."""
    width, height = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    places: SearchStrategy[dict[str, Any]] = st.one_of(
        st.just({}),
        st.fixed_dictionaries({"box": data.boxes()}),
        st.fixed_dictionaries({"polygon": data.polygons}),
        st.fixed_dictionaries({"mask": data.masks(width, height)}),
    )
    return Record(
        media=draw(xml_texts),
        kind="image",
        width=width,
        height=height,
        annotations=tuple(
            Annotation(draw(xml_texts), attributes=draw(_cvat_attributes), **place)
            for place in draw(st.lists(places, max_size=4))
        ),
        id=str(draw(st.integers(0, 10**20))),
        metadata=draw(st.sampled_from([{}, {"split": "Train"}])),
    )


@st.composite
def cvat_videos(draw: st.DrawFn) -> list[Record]:
    """A video with tracks."""
    annotations = []
    for track in range(draw(st.integers(0, 4))):
        label = draw(xml_texts)
        frames = sorted(draw(st.sets(st.integers(0, 10**6), min_size=1, max_size=3)))
        annotations += [
            Annotation(
                label,
                track=str(track),
                box=draw(data.boxes()),
                frame_index=frame,
                attributes=draw(_cvat_attributes),
            )
            for frame in frames
        ]
    return [Record("a b.mp4", kind="video", width=640, height=480, annotations=tuple(annotations))]


@st.composite
def fiftyone_records(draw: st.DrawFn) -> Record:
    """Pictures with boxes; any path, as it stands in data.json."""
    return Record(
        media=draw(data.texts),
        kind="image",
        annotations=tuple(
            Annotation(
                draw(data.texts),
                box=draw(data.boxes()),
                confidence=draw(st.none() | data.ratios),
                attributes=draw(data.attributes),
            )
            for _ in range(draw(st.integers(0, 4)))
        ),
    )


def with_unique_stems(records: list[Record]) -> list[Record]:
    """Pictures in one folder, no two of one name but for the extension or case."""
    seen: set[str] = set()
    kept = []
    for record in records:
        if record.media.casefold() not in seen:
            seen.add(record.media.casefold())
            kept.append(record)
    return kept


def with_unique_ids(records: list[Record]) -> list[Record]:
    """No two of one id."""
    return list({record.id: record for record in records}.values())


def yolo_set(folder: Path) -> None:
    """What stands beside a label file."""
    (folder / "labels").mkdir()
    (folder / "train.txt").write_text("./images/a.jpg\n")
    (folder / "data.yaml").write_text("train: train.txt\nnames:\n  0: car\n  3: person\n")
