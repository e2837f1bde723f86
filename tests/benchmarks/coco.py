"""A large COCO file, read by us and by pycocotools: CPU time and memory.

python -m tests.benchmarks.coco [NUMBER OF ANNOTATIONS, 430000 by default]
"""

from __future__ import annotations

import random
import subprocess
import sys
import tempfile
from pathlib import Path

import orjson

NUM_IMAGES = 60_000
_READERS = {
    "common_ml": "from common_ml.data.formats import coco\n"
    "for record in coco.read(sys.argv[1]): pass\n",
    "pycocotools": "from pycocotools.coco import COCO\nCOCO(sys.argv[1])\n",
}
_MEASURED = """
import resource, sys
{code}
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss // 1024)
"""


def made(num_annotations: int, num_images: int = NUM_IMAGES) -> bytes:
    """A file with a box and a polygon of 8 to 45 corners for each annotation."""
    dice = random.Random(1)
    images = [
        {"id": number, "file_name": f"{number:012}.jpg", "width": 640, "height": 480}
        for number in range(1, num_images + 1)
    ]
    annotations = []
    for number in range(1, num_annotations + 1):
        x, y = dice.uniform(0, 500), dice.uniform(0, 380)
        width, height = dice.uniform(5, 130), dice.uniform(5, 90)
        corners = [
            round(value, 2)
            for _ in range(dice.randint(8, 45))
            for value in (x + dice.random() * width, y + dice.random() * height)
        ]
        annotations.append({
            "id": number,
            "image_id": dice.randint(1, num_images),
            "category_id": dice.randint(1, 80),
            "iscrowd": 0,
            "area": round(width * height, 4),
            "bbox": [round(value, 2) for value in (x, y, width, height)],
            "segmentation": [corners],
        })  # fmt: skip
    categories = [{"id": number, "name": f"class {number}"} for number in range(1, 81)]
    data = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    return orjson.dumps(data)


def measured(reader: str, path: Path) -> tuple[float, int]:
    """Seconds of CPU and megabytes of a process that reads the file."""
    code = _MEASURED.format(code=_READERS[reader])
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    seconds, megabytes = done.stdout.split()[-2:]
    return float(seconds), int(megabytes)


def main() -> None:
    """Print both, and how they compare."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 430_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coco.json"
        path.write_bytes(made(number))
        found = {reader: measured(reader, path) for reader in _READERS}
    for reader, (seconds, megabytes) in found.items():
        print(f"{reader}: {seconds:.1f} s of CPU, {megabytes} MB")
    ours, theirs = found["common_ml"], found["pycocotools"]
    ratios = f"{ours[0] / theirs[0]:.2f} of the time, {ours[1] / theirs[1]:.2f} of the memory"
    print(f"common_ml takes {ratios}")


if __name__ == "__main__":
    main()
