"""`common-ml convert`, as somebody at a terminal uses it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.data.formats import scale_tasks as tasks
from tests.data.formats.server import Answer, Asked, serving

if TYPE_CHECKING:
    from pathlib import Path


def convert(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "common_ml.cli.app", "convert", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


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
