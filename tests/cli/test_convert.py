"""`common-ml convert`, as somebody at a terminal uses it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from tests.data.formats import scale_tasks as tasks
from tests.data.formats.server import Answer, Asked, serving
from tests.python_program import run_python

ROOT = Path(__file__).parents[2]


def convert(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ("-m", "common_ml", "convert", *arguments)
    return run_python(*command, env={"COLUMNS": "200", **environment})


def said(done: subprocess.CompletedProcess[str]) -> str:
    """Stderr without the frames that typer draws."""
    return " ".join(done.stderr.replace("│", " ").split())


def export(folder: Path, *exported: Any) -> Path:
    path = folder / "export.json"
    path.write_text(json.dumps(exported))
    return path


def test_tags_become_coco_and_csv(tmp_path: Path) -> None:
    Image.new("RGB", (100, 50)).save(tmp_path / "a.png")
    box = {"x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.6}
    tag = {"start_time": 0, "end_time": 0, "tag": "car", "source_media": "a.png", "track": "",
           "additional_info": None, "frame_info": {"frame_idx": 0, "box": box}}  # fmt: skip
    source = tmp_path / "tags.jsonl"
    source.write_text(json.dumps({"type": "tag", "data": tag}) + "\n")

    done = convert("tags", "coco", source, tmp_path / "coco.json", "--media-root", tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"1 record written to {tmp_path / 'coco.json'}\n"
    assert done.stderr == ""
    (annotation,) = json.loads((tmp_path / "coco.json").read_text())["annotations"]
    assert [round(number, 6) for number in annotation["bbox"]] == [10, 10, 40, 20]

    done = convert("coco", "csv", tmp_path / "coco.json", tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert ",car," in (tmp_path / "a.csv").read_text()


def test_what_is_read_is_not_replaced(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    Image.new("RGB", (100, 50)).save(picture)
    data = {"source_media": str(picture), "tag": "car", "start_time": 0, "end_time": 0}
    source = tmp_path / "tags.jsonl"
    source.write_text(json.dumps({"type": "tag", "data": data}) + "\n")
    before = [path.read_bytes() for path in (source, picture)]
    for target in (source, picture):
        done = convert("tags", "csv", source, target)
        assert done.returncode == 1
        assert "is read, and would be replaced; hint: name another one" in done.stderr
    assert before == [path.read_bytes() for path in (source, picture)]


def test_scale_to_masterful_from_a_file(tmp_path: Path) -> None:
    path = export(
        tmp_path,
        tasks.image_task("1", tasks.SMALL_BOX),
        tasks.image_task("2", tasks.BOX, tasks.POLYGON),
        tasks.image_task("3", status="pending"),
        tasks.image_task("old", created_at="2020-01-01T00:00:00Z"),
        tasks.image_task("elsewhere", tasks.BOX, batch="b9"),
    )
    done = convert(
        "scale-to-masterful", "-j", path, "-t", "object_detection", "-o", tmp_path / "out",
        "-n", "b1", "b2", "-a", "2022-02-02", "-b", "2022-02-03",
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "records.csv").read_text() == (
        "https://x.example/1.jpg, 1, 2, 1, 5, 7\n"
    )
    assert sorted(done.stderr.splitlines()) == [
        "warning: skipped 2: has polygon beside boxes: --keep-boxes keeps its boxes",
        "warning: skipped 3: its status is 'pending', wanted: completed",
        "warning: skipped elsewhere: its batch is 'b9', wanted: b1, b2",
    ]
    assert "1 record written" in done.stdout
    assert "3 skipped" in done.stdout


def test_scale_to_masterful_from_a_live_project_with_pictures_and_parts(tmp_path: Path) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path != "/tasks":
            return Answer(b"\xff\xd8\xff" + asked.path.encode())
        docs = [
            tasks.image_task(
                str(number),
                tasks.BOX,
                params={"attachment": f"http://{asked.headers['Host']}/{number}.jpg"},
            )
            for number in range(4)
        ]
        return Answer({"docs": docs, "total": 4, "limit": 9, "offset": 0, "has_more": False})

    (tmp_path / "key").write_text("from_file\n")
    with serving(answer) as server:
        done = convert(
            "scale-to-masterful", "-p", "p", "-k", tmp_path / "key", "--api-url", server.url,
            "-t", "image_classification", "-o", tmp_path / "out", "-d",
            "--split", "train=0.5,val=0.25,test=0.25", SCALE_API_KEY="from_environment",
        )  # fmt: skip
        authorization = server.asked[0].headers["Authorization"]

    assert done.returncode == 0, done.stderr
    assert base64.b64decode(authorization.split()[1]) == b"from_file:"
    counts = {
        part: len((tmp_path / "out" / part / "records.csv").read_text().splitlines())
        for part in ("train", "val", "test")
    }
    assert counts == {"train": 2, "val": 1, "test": 1}
    assert len(list((tmp_path / "out").rglob("images/*.jpg"))) == 4


def test_one_of_project_and_file_is_needed(tmp_path: Path) -> None:
    path = export(tmp_path)
    both: list[str | Path] = ["-p", "x", "-j", path]
    for arguments in ([], both):
        done = convert(
            "scale-to-masterful", "-t", "object_detection", "-o", tmp_path / "o", *arguments
        )
        assert done.returncode == 2
        assert "exactly one of them is needed" in said(done)


def test_misuse_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = export(tmp_path, tasks.image_task("1", tasks.BOX))
    target = tmp_path / "x"
    misuses: list[tuple[list[str | Path], str]] = [
        (["scale", "masterful", path, target], "--write task=object_detection"),
        (["scale", "masterful", path, target, "-w", "task=detection"], "task must be one of"),
        (["scale", "csv", path, target, "-r", "batch=1"], "did you mean batches?"),
        (["scale", "csv", path, target, "-r", "size=big"], "WIDTHxHEIGHT"),
        (["scale", "csv", path, target, "-r", "created_after=soon"], "YYYY-MM-DD"),
        (["scale", "scale", path, target], "scale can only be read"),
        (["scal", "csv", path, target], "did you mean scale?"),
        (["coco", "csv", path, target], "must be an object with images"),
        (["csv", "coco", tmp_path / "absent", target], "No such file"),
    ]
    for arguments, sentence in misuses:
        done = convert(*arguments)
        assert done.returncode in (1, 2), arguments
        assert sentence in said(done)
        assert "Traceback" not in done.stderr
        assert not target.exists()


def test_nothing_written_is_a_failure(tmp_path: Path) -> None:
    path = export(tmp_path, tasks.image_task("1", tasks.POLYGON))
    done = convert("scale", "masterful", path, tmp_path / "o", "-w", "task=object_detection")

    assert done.returncode == 1
    assert "0 records written" in done.stdout


def test_options_of_formats(tmp_path: Path) -> None:
    path = export(tmp_path, tasks.image_task("1", tasks.BOX))
    done = convert("formats", "scale", "clarifai", path, tmp_path / "a.csv", "-r", "size=200x100")

    assert done.returncode == 0, done.stderr
    assert "https://x.example/1.jpg,0.1,0.1,0.6,0.6,car" in (tmp_path / "a.csv").read_text()


def test_help_shows_an_example() -> None:
    assert "common-ml convert tags coco" in convert("--help").stdout
    assert "scale-to-masterful -j export.json" in convert("scale-to-masterful", "--help").stdout


def coco_file(folder: Path, *boxes: Any) -> Path:
    data = {
        "images": [{"id": 1, "file_name": "a.png", "width": 100, "height": 50}],
        "categories": [{"id": 1, "name": "car"}],
        "annotations": [{"image_id": 1, "category_id": 1, "bbox": box} for box in boxes],
    }
    path = folder / "export.json"
    path.write_text(json.dumps(data))
    return path


def test_bad_annotations_are_left_out_and_reported(tmp_path: Path) -> None:
    path = coco_file(tmp_path, [1, 2, 3, 4], [5], [6], [9, 9, -3, 2], "far")
    target, report = tmp_path / "a.csv", tmp_path / "report.json"

    refused = convert("coco", "csv", path, target)
    assert refused.returncode == 1
    assert "item 2 of annotations, bbox: must be [x, y, width, height], got [5]" in said(refused)
    assert 'hint: on_error="skip" (--skip-bad) leaves it out' in said(refused)
    assert not target.exists()

    done = convert("coco", "csv", path, target, "--skip-bad", "--report", report)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"1 record written to {target}, 3 parts of the source left out\n"
    assert done.stderr.splitlines() == [
        "what      number  reason",
        (
            "left out       3  bbox: must be [x, y, width, height], got [5]"
            " (first: item 2 of annotations)"
        ),
        "repaired       1  negative width or height: box measured from its other corner",
    ]
    found = json.loads(report.read_text())
    assert [one["place"] for one in found["read"]["skipped"]] == [
        f"item {number} of annotations" for number in (2, 3, 5)
    ]
    assert found["written"]["written"] == 1
    assert (found["from"], found["to"], found["source"]) == ("coco", "csv", str(path))


def test_a_source_of_which_nothing_can_be_used_is_a_failure(tmp_path: Path) -> None:
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps([{"data": {"text": "a"}}, 3]))
    done = convert("labelstudio", "csv", path, tmp_path / "a.csv", "--skip-bad")

    assert done.returncode == 1
    assert done.stdout.startswith("0 records written")


def test_auto_recognises_the_source(tmp_path: Path) -> None:
    path = coco_file(tmp_path, [1, 2, 3, 4])
    done = convert("auto", "csv", path, tmp_path / "a.csv")
    assert done.returncode == 0, done.stderr
    assert ",car," in (tmp_path / "a.csv").read_text()

    path.write_text("{}")
    done = convert("AUTO", "csv", path, tmp_path / "b.csv")
    assert done.returncode == 1
    assert "not recognised by its content; hint: name the format" in said(done)


def test_a_key_for_a_file_is_refused_with_a_reason(tmp_path: Path) -> None:
    done = convert("scale-to-masterful", "-j", export(tmp_path), "-k", tmp_path / "key",
                   "-t", "object_detection", "-o", tmp_path / "o")  # fmt: skip
    assert done.returncode == 2
    assert "a key is for a live project (-p)" in said(done)


def test_tagged_frames_of_a_video_become_pictures(tmp_path: Path) -> None:
    from common_ml.media import decode
    from common_ml.media.images import read_image
    from common_ml.media.synthesis import write_clip

    clip = tmp_path / "clip.mp4"
    write_clip(clip)
    box = {"x1": 0.25, "y1": 0.25, "x2": 0.5, "y2": 0.5}
    tags = [
        {"start_time": 40 * index, "end_time": 40 * index, "tag": "car", "source_media": "clip.mp4",
         "track": "", "additional_info": None, "frame_info": {"frame_idx": index, "box": box}}
        for index in (7, 3, 3)
    ]  # fmt: skip
    tags[2]["tag"] = "bus"
    source = tmp_path / "tags.jsonl"
    source.write_text("".join(json.dumps({"type": "tag", "data": one}) + "\n" for one in tags))

    target = tmp_path / "coco.json"
    done = convert("tags", "coco", source, target, "--media-root", tmp_path,
                   "--frames", tmp_path / "frames")  # fmt: skip
    assert done.returncode == 0, done.stderr
    written = json.loads(target.read_text())
    names = [tmp_path / "frames" / f"clip_{index:06}.png" for index in (3, 7)]
    assert sorted(one["file_name"] for one in written["images"]) == list(map(str, names))
    assert len(written["annotations"]) == 3
    with decode.frames(clip, [3, 7]) as stream:
        for path, frame in zip(names, stream, strict=True):
            assert (read_image(path) == frame.rgb).all()


def test_without_the_extra_one_line_names_it(tmp_path: Path) -> None:
    (tmp_path / "duckdb.py").write_text("raise ImportError('no module')\n")
    (tmp_path / "tags.jsonl").write_text("")
    for arguments in (
        ["convert", "tags", "csv", "tags.jsonl", "a.csv"],
        ["data", "query", "tags.jsonl", "true"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "common_ml.cli.app", *arguments],
            capture_output=True, text=True, check=False, cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
        )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == (
            "error: duckdb is not installed; hint: in a clone of common-ml, or with its wheel:"
            " pip install '.[data]'\n"
        )
