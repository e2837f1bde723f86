"""Misuse of datasets: odd queries, odd file names, files that change."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from common_ml.data import Annotation, Box, Dataset, Record
from common_ml.data.formats import coco, masterful
from common_ml.data.query.parser import MAX_CHARACTERS, MAX_DEPTH, parse
from common_ml.data.splitting import split_by_group
from common_ml.errors import DatasetError, FormatError, QueryError, WireError
from tests.data.made import film, tag, write_picture, write_tags

if TYPE_CHECKING:
    from pathlib import Path


DEEPER = "not (labels.dog = 1 and "
"""What no parser makes simpler."""


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (DEEPER * 150 + "labels.car = 1" + ")" * 150, "nested"),
        (DEEPER * 3000 + "labels.car = 1" + ")" * 3000, "cannot read|nested"),
        (" or ".join(["labels.car = 1"] * 10_000), "at most 100,000 characters"),
        ("label = '" + "x" * MAX_CHARACTERS + "'", "at most 100,000 characters"),
        ("labels.car = 1) or (labels.car = 2", "must be one expression"),
    ],
)
def test_a_query_too_long_or_too_deep_is_refused_in_few_words(query: str, words: str) -> None:
    with pytest.raises(QueryError, match=words) as caught:
        parse(query)

    assert len(str(caught.value)) < 600


def test_long_queries_with_lists_and_numbers_are_answered(tmp_path: Path) -> None:
    dataset = Dataset.open(film(tmp_path), per="frame")
    many = ", ".join(map(str, range(10_000)))

    assert len(dataset.slice(f"labels.car in ({many})")) == len(dataset)
    assert len(dataset.slice(f"labels.car < {'9' * 5000}")) == len(dataset)
    deep = "not not " * ((MAX_DEPTH - 1) // 2) + "labels.car = 1"
    assert len(dataset.slice(deep)) == len(dataset.slice("labels.car = 1"))
    assert len(dataset.slice("label in ('stop sign', 'dog')")) == len(
        dataset.slice('labels."stop sign" = 1')
    )


def test_a_name_in_capitals_is_told_with_what_was_meant(tmp_path: Path) -> None:
    with pytest.raises(QueryError, match=r"did you mean labels\.car\?"):
        Dataset.open(film(tmp_path)).slice("LABELS.car = 1")


@pytest.mark.parametrize("suffix", [".jsonl", ".parquet"])
def test_names_of_files_are_no_patterns_and_no_columns(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "label=dog" / "type=error" / "[x]"
    folder.mkdir(parents=True)
    files = {}
    for name in ("t[1]", "t1", "s*r", "star"):
        made = write_tags(folder / f"{name}.jsonl", [tag(name)])
        if suffix == ".parquet":
            Dataset.open(made).to_parquet(made.with_suffix(suffix))
        files[name] = made.with_suffix(suffix)

    for name, file in files.items():
        with Dataset.open(file, cache_dir=folder) as dataset:
            assert list(dataset.labels) == [name]
            assert [one.labels() for one in dataset.records()] == [(name,)]


def test_a_wrong_line_of_a_growing_file_is_told_at_every_look(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg")])
    dataset = Dataset.open(path, follow=True)
    good = path.read_bytes()
    path.write_bytes(good + good.replace(b"a.jpg", b"b.jpg") + b"rubbish\n")

    for _ in range(2):
        with pytest.raises(WireError, match=r"tags\.jsonl:3"):
            len(dataset)
    path.write_bytes(good + good.replace(b"a.jpg", b"b.jpg") + good.replace(b"a.jpg", b"c.jpg"))
    assert [one.media for one in dataset.records()] == ["a.jpg", "b.jpg", "c.jpg"]


def test_what_a_dataset_is_read_from_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "all.parquet"
    Dataset.open(film(tmp_path)).to_parquet(path)
    before = path.read_bytes()
    dataset = Dataset.open(path)

    with pytest.raises(DatasetError, match="is read from it"):
        dataset[:1].to_parquet(path)

    assert path.read_bytes() == before
    assert len(list(dataset.records())) == 2


def test_sizes_of_media_that_are_nowhere_are_told_as_unknown(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = Dataset.open(film(tmp_path), media_root=tmp_path / "wrong")

    assert len(dataset.slice("file.width > 0")) == 0

    assert "no file for 2 of 2 media, such as 'a.mp4'" in caplog.text
    assert "media_root" in caplog.text


def test_sizes_that_are_known_need_no_media(caplog: pytest.LogCaptureFixture) -> None:
    dataset = Dataset.from_records([Record("a.jpg", "image", 40, 20)])

    assert len(dataset.slice("file.width = 40")) == 1
    assert not caplog.text


def test_files_of_a_format_may_be_a_glob(tmp_path: Path) -> None:
    for name in ("a", "b"):
        coco.write([Record(f"{name}.jpg", "image", 4, 4)], tmp_path / f"{name}.json")

    both = Dataset.open(str(tmp_path / "*.json"), format="coco")

    # Each file numbers its pictures from 1 on, and yet they are two.
    assert [(one.media, one.id) for one in both.records()] == [("a.jpg", "1"), ("b.jpg", "1")]
    assert len(both.slice("file.id = '1'")) == 2
    both.to_parquet(tmp_path / "both.parquet")
    again = Dataset.open(tmp_path / "both.parquet")
    assert list(again.records()) == list(both.records())
    again.freeze(tmp_path / "manifest")
    assert len(Dataset.from_manifest(tmp_path / "manifest")) == 2
    with pytest.raises(DatasetError, match="no file matches"):
        Dataset.open(str(tmp_path / "*.coco"), format="coco")


def test_a_folder_of_a_format_can_be_frozen(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png")
    folder, manifest = tmp_path / "masterful", tmp_path / "slice.json"
    picture = Record(str(tmp_path / "a.png"), "image", annotations=(Annotation("car"),))
    masterful.write([picture], folder, task="image_classification")
    options = {"task": "image_classification"}
    Dataset.open(folder, format="masterful", **options).freeze(manifest)

    again = Dataset.from_manifest(manifest)
    assert [one.labels() for one in again.records()] == [("car",)]

    label_map = folder / "label_map.csv"
    label_map.write_text(label_map.read_text().replace("car", "bus"))
    with pytest.raises(DatasetError, match="has changed"):
        Dataset.from_manifest(manifest)


def test_options_of_a_reader_are_frozen_with_their_types(tmp_path: Path) -> None:
    box = {"type": "box", "label": "car", "left": 20, "top": 10, "width": 100, "height": 50}
    task = {
        "task_id": "1",
        "created_at": "2022-02-02T02:22:22.222Z",
        "type": "imageannotation",
        "status": "completed",
        "params": {"attachment": "https://pictures.example/1.jpg", "geometries": {}},
        "response": {"annotations": [box]},
    }
    export, manifest = tmp_path / "export.json", tmp_path / "slice.json"
    export.write_text(json.dumps([task]))
    options = {"size": (640, 480), "created_after": date(2020, 1, 1), "media_root": tmp_path}
    dataset = Dataset.open(export, format="scale", **options)
    dataset.freeze(manifest)

    again = Dataset.from_manifest(manifest)

    assert list(again.records()) == list(dataset.records())
    with pytest.raises(DatasetError, match="cannot freeze"):
        Dataset.open(export, format="scale", on_skip=print).freeze(manifest)


def test_a_manifest_that_lacks_something_is_named(tmp_path: Path) -> None:
    path = tmp_path / "slice.json"
    path.write_text('{"common_ml_manifest": 1, "queries": []}')

    with pytest.raises(DatasetError, match="per is missing"):
        Dataset.from_manifest(path)


@pytest.mark.parametrize(
    "shares", [{}, {"a": float("nan")}, {"a": "1"}, {"a": 1.5, "b": -0.5}, {"a": 0.5}]
)
def test_shares_that_make_no_whole_are_refused(tmp_path: Path, shares: dict[str, float]) -> None:
    with pytest.raises(DatasetError, match="shares must be"):
        Dataset.open(film(tmp_path)).split(shares)


def test_nothing_is_left_over_when_shares_are_rounded() -> None:
    groups = [str(number) for number in range(1_000)]
    for shares in ({"a": 1 - 9e-7}, {"a": 1 / 3, "b": 1 / 3, "c": 0.333333}, {"a": 1e-9, "b": 1}):
        dealt = split_by_group(groups, shares)
        assert len(dealt) == len(groups)
        assert set(dealt) <= set(shares)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (
            "labels.traffic-light > 1",
            'hint: if that is a name, quote it, as in labels."traffic-light"',
        ),
        ("attributes.a/b = 1 and labels.car = 1", 'as in attributes."a/b"'),
        (
            'label = "car"',
            "did you mean the text 'car', which stands in single quotes, or labels.car?",
        ),
    ],
)
def test_a_query_that_lacks_quotes_is_answered_with_a_hint(
    tmp_path: Path, query: str, words: str
) -> None:
    dataset = Dataset.open(write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg")]))

    with pytest.raises(QueryError) as raised:
        dataset.slice(query)

    assert words in str(raised.value)


def test_a_last_line_without_newline_counts_unless_the_file_may_grow(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg"), tag("dog", "b.jpg")])
    whole = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + whole.rstrip(b"\n"))

    with Dataset.open(path, follow=True) as growing, Dataset.open(path) as dataset:
        assert (len(growing), len(dataset)) == (1, 2)
        dataset.freeze(tmp_path / "manifest.json")
        path.write_bytes(path.read_bytes() + b"\n")
        assert (len(growing), len(Dataset.from_manifest(tmp_path / "manifest.json"))) == (2, 2)


def test_nan_in_free_form_data_is_null(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg", additional_info={"n": 5})])
    path.write_text(path.read_text().replace('"n":5', '"n":NaN,"m":-Infinity,"k":1'))

    (record,) = Dataset.open(path).records()

    assert record.annotations[0].attributes == {"n": None, "m": None, "k": 1}


def test_other_encodings_are_an_error_with_the_line(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg"), tag("café", "b.jpg")])
    path.write_bytes(path.read_text(encoding="utf-8").encode("latin-1"))

    with pytest.raises(WireError, match=r"tags\.jsonl:2: .*UTF-8"):
        Dataset.open(path)


def test_without_the_extra_one_line_names_it(tmp_path: Path) -> None:
    path = write_tags(tmp_path / "tags.jsonl", [tag("car", "a.jpg")])
    code = (
        "import sys; sys.modules['duckdb'] = None; sys.argv[0] = 'common-ml'\n"
        "from common_ml.cli.app import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "data", "query", str(path), "labels.car = 1"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "duckdb is not installed" in done.stderr
    assert "[data]" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_formats_are_recognised_by_content_and_take_options(tmp_path: Path) -> None:
    image = {"id": 1, "file_name": "a.jpg", "width": 10, "height": 10}
    boxes = [{"image_id": 1, "category_id": one, "bbox": [1, 1, 2, 2]} for one in (1, 9)]
    found = {"images": [image], "annotations": boxes, "categories": [{"id": 1, "name": "car"}]}
    path = tmp_path / "export.json"
    path.write_text(json.dumps(found))
    tags = write_tags(tmp_path / "tags.jsonl", [tag("dog", "b.jpg")])
    tags = tags.rename(tmp_path / "tags.txt")

    with pytest.raises(FormatError, match="there is no category 9"):
        Dataset.open(path)
    dataset = Dataset.open([path, tags], on_error="skip")

    assert dataset.labels == {"car": 1, "dog": 2}
    assert Dataset.open(tags, on_error="skip").labels == {"dog": 1}
    with pytest.raises(DatasetError, match="unknown option 'category': it needs format"):
        Dataset.open(tags, category="car")


def test_a_picture_of_another_size_is_an_error_and_one_turned_by_exif_turns_its_boxes(
    tmp_path: Path,
) -> None:
    turned = Image.new("RGB", (64, 48))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned clockwise
    turned.save(tmp_path / "turned.jpg", exif=exif)
    write_picture(tmp_path / "other.png", width=32, height=24)
    box = Annotation("car", box=Box(0, 0, 16, 12))
    records = [
        Record(name, kind="image", width=64, height=48, unit="pixel", annotations=(box,))
        for name in ("turned.jpg", "other.png")
    ]
    dataset = Dataset.from_records(records, media_root=tmp_path)

    assert dataset[0].image.shape == (64, 48, 3)
    assert dataset[0].boxes.tolist() == [[36, 0, 48, 16]]
    with pytest.raises(FormatError, match="has 32 x 24 pixels, and 64 x 48 are recorded"):
        _ = dataset[1].boxes
