"""Datasets: open, count, read, follow, split, freeze, write."""

from __future__ import annotations

import pickle
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from common_ml.data.dataset import Dataset
from common_ml.data.record import Annotation, Box, Record
from common_ml.errors import DatasetError, WireError
from common_ml.tagging.messages import Error, Progress, Tag
from common_ml.tagging.tags_file.reader import read_messages
from tests.data.made import BOX, tag, write_tags

if TYPE_CHECKING:
    from pathlib import Path


def media_of(dataset: Dataset) -> list[str]:
    return [record.media for record in dataset.records()]


def test_tags_become_one_record_for_each_media(tmp_path: Path) -> None:
    run = Tag(0, 80, "car", "b.mp4")
    messages = [
        tag("car", "b.mp4", 1, additional_info={"confidence": 0.5, "colour": "red"}),
        tag("sign", "a.jpg", vector=[1.0, 2.0]),
        run,
        run,  # two tags that are alike count once
        Progress("b.mp4"),
        Progress("empty.png"),
        Error("cannot read it", "broken.mp4"),
    ]
    dataset = Dataset.open(write_tags(tmp_path / "tags.jsonl", messages))

    assert len(dataset) == 3
    assert dataset.labels == {"car": 1, "sign": 2}
    assert list(dataset.records()) == [
        Record(
            "b.mp4",
            "video",
            annotations=(
                Annotation(
                    "car",
                    confidence=0.5,
                    box=Box(**BOX),
                    start_seconds=0.04,
                    end_seconds=0.04,
                    frame_index=1,
                    attributes={"colour": "red"},
                ),
                Annotation("car", start_seconds=0, end_seconds=0.08),
            ),
        ),
        Record(
            "a.jpg",
            "image",
            annotations=(
                Annotation(
                    "sign",
                    box=Box(**BOX),
                    start_seconds=0,
                    end_seconds=0,
                    frame_index=0,
                    vector=(1.0, 2.0),
                ),
            ),
        ),
        Record("empty.png", "image"),
    ]


def test_each_tagged_frame_can_be_a_record(tmp_path: Path) -> None:
    """A picture stays a record, and stretches of time are about no frame."""
    messages = [
        tag("car", "b.mp4", 1),
        tag("sign", "b.mp4", 1),
        tag("car", "b.mp4", 5),
        Tag(0, 80, "car", "b.mp4"),
        tag("car", "a.jpg"),
        Tag(0, 0, "sunny", "a.jpg"),
        Progress("a.jpg"),
        Progress("empty.mp4"),
        Progress("empty.png"),
    ]
    path = write_tags(tmp_path / "tags.jsonl", messages)

    found = list(Dataset.open(path, per="frame").records())

    shown = [(one.id, one.frame_index, one.time_seconds, one.labels()) for one in found]
    assert shown == [
        ("b.mp4#1", 1, 0.04, ("car", "sign")),
        ("b.mp4#5", 5, 0.2, ("car",)),
        ("a.jpg", None, None, ("car", "sunny")),
        ("empty.png", None, None, ()),
    ]


def test_records_of_frames_from_elsewhere_keep_their_ids() -> None:
    seen = Annotation("car", frame_index=7, start_seconds=0.28)
    records = [
        Record("a.mp4", "video", id="17", annotations=(seen, Annotation("rain"))),
        Record("b.mp4", "video", id="18", frame_index=3, annotations=(Annotation("car"),)),
        Record("https://host/1", id="19", annotations=(Annotation("car"),)),
    ]

    assert list(Dataset.from_records(records).records()) == records
    by_frame = Dataset.from_records(records, per="frame").records()
    shown = [(one.id, one.frame_index, one.time_seconds) for one in by_frame]
    assert shown == [("17#7", 7, 0.28), ("18", 3, None), ("19", None, None)]


def test_folders_globs_and_many_files_are_one_dataset(tmp_path: Path) -> None:
    write_tags(tmp_path / "1.jsonl", [tag("car", "a.jpg")])
    (tmp_path / "deep").mkdir()
    write_tags(tmp_path / "deep" / "2.jsonl", [tag("car", "b.jpg")])
    write_tags(tmp_path / "deep" / "3.jsonl", [tag("dog", "a.jpg")])
    Dataset.open(tmp_path / "deep" / "2.jsonl").to_parquet(tmp_path / "deep" / "4.parquet")
    (tmp_path / "notes.txt").write_text("no tags")

    assert media_of(Dataset.open(tmp_path)) == ["a.jpg", "b.jpg"]
    assert len(next(Dataset.open(tmp_path).records()).annotations) == 2
    assert media_of(Dataset.open(str(tmp_path / "*/*.jsonl"))) == ["b.jpg", "a.jpg"]
    one_by_one = [tmp_path / "deep" / "3.jsonl", tmp_path / "1.jsonl"]
    assert media_of(Dataset.open(one_by_one)) == ["a.jpg"]
    # what two files have in common counts once
    assert Dataset.open(tmp_path).describe().labels == {"car": 2, "dog": 1}


def test_parquet_with_the_names_of_the_wire_is_taken(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="pyarrow writes the file")
    pq = pytest.importorskip("pyarrow.parquet", reason="pyarrow writes the file")
    table = pa.table({"source_media": ["a.jpg", "a.jpg"], "tag": ["car", "car"], "other": [1, 2]})
    pq.write_table(table, tmp_path / "tags.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "other.parquet")

    dataset = Dataset.open(tmp_path / "tags.parquet")

    assert len(dataset.slice("labels.car = 2")) == 1
    with pytest.raises(DatasetError, match=r"has no column media \(or source_media\).*got x"):
        Dataset.open(tmp_path / "other.parquet")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing.jsonl", "no such file or folder"),
        ("*.jsonl", "no file matches"),
        (".", "no tags in the folder"),
        ("notes.txt", "name another format, as in Dataset.open"),
    ],
)
def test_a_source_that_is_no_dataset_is_named(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "notes.txt").write_text("no tags")

    with pytest.raises(DatasetError, match=words):
        Dataset.open(tmp_path / name)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "is not valid JSON"),
        ('{"type":"tag"}', "must be"),
        ('{"type":"tag","data":{"tag":"a","source_media":"m"}}', "has no "),
        ('{"type":"tga","data":{}}', "unknown type 'tga'"),
        ('{"type":"progress","data":{}}', "has no source_media"),
        ("", "an empty line"),
    ],
)
def test_a_line_that_is_no_message_is_named(tmp_path: Path, line: str, words: str) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car"), tag("dog")])
    path.write_text(path.read_text() + line + "\n")

    if not line:
        assert len(Dataset.open(path)) == 1  # DuckDB takes an empty line for none
        return
    with pytest.raises(WireError, match=words) as raised:
        Dataset.open(path)
    assert raised.value.line_number == 3


def test_a_torn_last_line_is_no_message(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car")])
    path.write_bytes(path.read_bytes() * 2 + b'{"type":"tag","da')

    assert len(next(Dataset.open(path).records()).annotations) == 1
    assert "the last line is incomplete" in caplog.text


def test_a_box_in_pixels_is_refused(tmp_path: Path) -> None:
    box = {"x1": 10.0, "y1": 20.0, "x2": 300.0, "y2": 400.0}
    near = {"x1": -0.01, "y1": 0.0, "x2": 1.02, "y2": 1.0}
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", box=box), tag("dog", "b.jpg", box=near)])
    dataset = Dataset.open(path)

    with pytest.raises(DatasetError, match=r"divide pixels by the picture's size"):
        _ = dataset[0]
    assert dataset[1].record.annotations[0].box == Box(0, 0, 1, 1)  # it only stuck out


def test_a_growing_file_is_followed(tmp_path: Path) -> None:
    """Labels keep their numbers, records their places, and torn lines wait to be ended."""
    path = tmp_path / "tags.jsonl"
    with Dataset.open(path, follow=True) as dataset:
        cars = None
        assert len(dataset) == 0
        write_tags(path, [tag("dog", "a.jpg")])
        assert dataset.labels == {"dog": 1}
        write_tags(path, [tag("car", "b.jpg"), tag("car", "a.jpg")])
        cars = dataset.slice("labels.car = 1")
        assert media_of(dataset) == ["a.jpg", "b.jpg"]
        assert len(cars) == 2
        whole = path.read_bytes()
        with path.open("ab") as file:
            file.write(b'{"type":"progress","data":{"source_me')
            file.flush()
            assert len(dataset) == 2
            file.write(b'dia":"c.jpg"}}\n')
        assert media_of(dataset) == ["a.jpg", "b.jpg", "c.jpg"]
        write_tags(path, [tag("car", "c.jpg")])
        assert media_of(cars) == ["a.jpg", "b.jpg", "c.jpg"]
        assert dataset.labels == {"dog": 1, "car": 2}
        path.write_bytes(whole)
        with pytest.raises(DatasetError, match="was truncated"):
            len(dataset)


def test_what_is_written_while_somebody_iterates_comes_too(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg")])
    seen = []
    for record in Dataset.open(path, follow=True).records():
        seen.append(record.media)
        if len(seen) < 40:  # more than parts that are kept apart
            write_tags(path, [tag("car", f"{len(seen)}.jpg")])

    assert seen == ["a.jpg", *(f"{number}.jpg" for number in range(1, 40))]


def test_places_are_those_of_a_list(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", f"{n}.jpg") for n in range(300)])
    dataset = Dataset.open(path)

    assert dataset[7].record.media == "7.jpg"
    assert dataset[-1].record.media == "299.jpg"
    assert [dataset[n].record.media for n in range(3)] == ["0.jpg", "1.jpg", "2.jpg"]
    assert media_of(dataset[290:]) == [f"{n}.jpg" for n in range(290, 300)]
    assert [sample.record.media for sample in dataset] == [f"{n}.jpg" for n in range(300)]
    for place in (300, -301):
        with pytest.raises(IndexError, match="below 300"):
            _ = dataset[place]


def test_a_dataset_describes_itself(tmp_path: Path) -> None:
    tags = [tag("car", "a.jpg"), tag("car", "a.jpg"), tag("car", "b.mp4", track="x"), Progress("c")]
    path = write_tags(tmp_path / "tags.jsonl", [*tags, Tag(0, 40, "rain", "b.mp4")])
    described = Dataset.open(path).describe()

    assert (described.num_records, described.num_annotations, described.num_boxes) == (3, 3, 2)
    assert described.labels == {"car": 2, "rain": 1}
    assert described.tracks == {"": 2, "x": 1}
    assert described.kinds == {"": 1, "image": 1, "video": 1}
    assert str(described).splitlines()[0] == "3 records of 3 media (1 unknown, 1 image, 1 video)"
    assert Dataset.open(path).slice("labels.rain = 1").describe().labels == {"car": 1, "rain": 1}


def test_a_dataset_can_be_sent_to_another_process(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg"), tag("dog", "b.jpg")])
    dataset = Dataset.open(path).slice("labels.dog = 1")

    sent = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes

    assert media_of(sent) == ["b.jpg"]
    assert sent.labels == {"car": 1, "dog": 2}


def test_a_dataset_leaves_nothing_behind(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car")])
    cache = tmp_path / "cache"
    cache.mkdir()

    dataset = Dataset.open(path, cache_dir=cache)
    assert list(cache.iterdir())
    del dataset

    assert list(cache.iterdir()) == []


def test_parts_have_no_media_in_common(tmp_path: Path) -> None:
    tags = [tag("car", f"{n % 10}.mp4", n) for n in range(60)]
    dataset = Dataset.open(write_tags(tmp_path / "tags.jsonl", tags), per="frame")
    shares = {"train": 0.8, "val": 0.1, "test": 0.1}

    parts = dataset.split(shares, seed=0)

    media = {name: set(media_of(part)) for name, part in parts.items()}
    assert {name: len(part) for name, part in parts.items()} == {"train": 48, "val": 6, "test": 6}
    assert [len(found) for found in media.values()] == [8, 1, 1]
    assert len(set.union(*media.values())) == 10
    again = dataset.split(shares, seed=0)
    assert {name: media_of(part) for name, part in again.items()} == {
        name: media_of(part) for name, part in parts.items()
    }
    others = [set(media_of(dataset.split(shares, seed=seed)["test"])) for seed in range(1, 6)]
    assert any(other != media["test"] for other in others)
    single = dataset.split({"train": 0.75, "test": 0.25}, by="record")
    assert [len(part) for part in single.values()] == [45, 15]
    with pytest.raises(DatasetError, match="add up to 1"):
        dataset.split({"train": 0.8, "val": 0.1})


def test_a_frozen_slice_comes_back_the_same(tmp_path: Path) -> None:
    """Also when the file has grown since, and with the same numbers for labels."""
    tags = [tag("car", "a.jpg"), tag("dog", "b.jpg"), tag("car", "c.jpg")]
    path = write_tags(tmp_path / "tags.jsonl", tags)
    cars = Dataset.open(path).slice("labels.car = 1")
    cars.freeze(tmp_path / "cars.json")
    write_tags(path, [tag("car", "d.jpg"), tag("ant", "a.jpg")])

    again = Dataset.from_manifest(tmp_path / "cars.json")

    assert list(again.records()) == list(cars.records())
    assert again.labels == cars.labels == {"car": 1, "dog": 2}
    assert media_of(Dataset.open(path).slice("labels.car = 1")) == ["a.jpg", "c.jpg", "d.jpg"]


def test_a_manifest_says_what_has_changed(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg"), tag("dog", "b.jpg")])
    other = write_tags(tmp_path / "other.jsonl", [tag("car", "c.jpg")])
    Dataset.open([path, other]).freeze(tmp_path / "all.json")

    path.write_text(path.read_text().replace("dog", "cat"))
    other.unlink()

    with pytest.raises(
        DatasetError, match=r"tags\.jsonl has changed; .*other\.jsonl does not exist"
    ):
        Dataset.from_manifest(tmp_path / "all.json")
    with pytest.raises(DatasetError, match="is not a manifest"):
        Dataset.from_manifest(path)
    with pytest.raises(DatasetError, match="use to_parquet first"):
        Dataset.from_records([Record("a.jpg")]).freeze(tmp_path / "records.json")


def test_parquet_keeps_everything(tmp_path: Path) -> None:
    triangle = ((0.0, 0.0), (1.0, 0.0), (0.5, 1.0))
    record = Record(
        "a.jpg",
        "image",
        width=10,
        height=20,
        metadata={"camera": "left"},
        annotations=(Annotation("car", value=0), Annotation("dog", polygon=triangle)),
    )
    Dataset.from_records([record, Record("b.jpg", "image")]).to_parquet(tmp_path / "all.parquet")
    tags = write_tags(tmp_path / "tags.jsonl", [tag("car", "c.mp4", 1), tag("dog", "d.mp4", 2)])
    Dataset.open(tags).slice("labels.dog = 1").to_parquet(tmp_path / "dogs.parquet")

    kept = Dataset.open([tmp_path / "all.parquet", tmp_path / "dogs.parquet"])

    assert list(kept.records()) == [
        record,
        Record("b.jpg", "image"),
        *Dataset.open(tags).slice("labels.dog = 1").records(),
    ]


def test_tags_are_written_as_the_wire_has_them(tmp_path: Path) -> None:
    tags = [
        tag("car", "a.mp4", 1, additional_info={"colour": "red", "confidence": 0.5}),
        Tag(0, 40, "rain", "a.mp4", "weather"),
        tag("car", "b.mp4", 2, box=None, vector=[0.5]),
    ]
    path = write_tags(tmp_path / "tags.jsonl", tags)

    report = Dataset.open(path).slice("label = 'rain'").to_jsonl(tmp_path / "rain.jsonl")
    Dataset.open(path).to_jsonl(tmp_path / "all.jsonl")

    assert report.written == 1
    assert list(read_messages(tmp_path / "rain.jsonl")) == [*tags[:2], Progress("a.mp4")]
    assert [one for one in read_messages(tmp_path / "all.jsonl") if isinstance(one, Tag)] == tags


def test_what_the_wire_cannot_hold_is_reported(tmp_path: Path) -> None:
    pixels = Record("b.jpg", unit="pixel", annotations=(Annotation("car", box=Box(1, 2, 30, 40)),))
    absent = Record("a.jpg", annotations=(Annotation("car", value=0), Annotation("dog")))

    report = Dataset.from_records([absent, pixels]).to_jsonl(tmp_path / "tags.jsonl")

    assert [one.reason for one in report.skipped] == [
        "tags cannot say that 'car' is absent",
        "boxes in pixels, and the size is not known",
    ]
    assert len(list(read_messages(tmp_path / "tags.jsonl"))) == 3


def test_the_room_loads_no_large_library_before_it_is_used() -> None:
    code = (
        "import sys, common_ml.data, common_ml.data.dataset, common_ml.data.formats\n"
        "print(sorted({'torch', 'tensorflow', 'duckdb', 'pyarrow', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("method", "extra"), [("to_pytorch", "torch"), ("to_tensorflow", "tensorflow")]
)
def test_a_missing_library_is_named_with_its_extra(method: str, extra: str) -> None:
    code = (
        "import sys\n"
        f"sys.modules[{extra!r}] = None\n"
        "from common_ml.data import Dataset, Record\n"
        f"Dataset.from_records([Record('a.jpg')]).{method}()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)

    assert f"MissingExtraError: {extra} is not installed; hint: in a clone of common-ml" in (
        done.stderr
    )
