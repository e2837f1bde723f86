"""A tagger of words whose params have every form, and media of every kind for it."""

from __future__ import annotations

import json
import wave
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from tests.runtime.programs import program

if TYPE_CHECKING:
    from pathlib import Path

PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "prefix": {"type": "string", "default": "", "description": "Begins every tag."},
        "case": {"enum": ["as it is", "upper"], "default": "as it is"},
        "again": {"type": "integer", "default": 1, "minimum": 1, "maximum": 5},
        "weights": {"type": "array", "items": {"type": "number"}, "default": []},
        "output": {"$ref": "#/$defs/Output"},
    },
    "$defs": {
        "Output": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "track": {"type": "string", "default": "words", "description": "Of all tags."},
                "reverse": {"type": "boolean", "default": False},
                "below": {"anyOf": [{"type": "number", "maximum": 1}, {"type": "null"}]},
            },
        }
    },
}

BODY = """
params = json.loads(sys.argv[sys.argv.index("--params") + 1]) if "--params" in sys.argv else {}
inner = params.get("output", {})
for line in lines:
    data = open(line, "rb").read()
    text = data.decode(errors="replace") if line.endswith(".txt") else f"size {len(data)}"
    if text.startswith("once") and not os.path.exists(ONCE):
        open(ONCE, "w").close()
        put("error", message="the first try fails", source_media=line)
        continue
    if text.startswith("wait"):
        put("progress_ratio", progress=0.5)
        while not os.path.exists(GATE):
            time.sleep(0.02)
    words = text.split() * params.get("again", 1)
    if inner.get("reverse"):
        words.reverse()
    for place, word in enumerate(words):
        word = params.get("prefix", "") + (word.upper() if params.get("case") == "upper" else word)
        put("tag", start_time=place, end_time=place, tag=word, source_media=line,
            track=inner.get("track", ""), additional_info={"confidence": 1 / (place + 1)},
            frame_info=None)
    put("progress", source_media=line)
"""


def words_tagger(folder: Path) -> Path:
    """A tagger `words`; files whose text is `wait` are held until `folder/gate` exists.

    The first file whose text begins with `once` fails one time.
    """
    description = {
        "describe": 1,
        "name": "Words",
        "summary": "Tags the words of a text, and the size of everything else.",
        "type": ["image", "video", "audio", "text"],
        "tracks": ["words"],
        "params": PARAMS,
    }
    head = "".join(
        f"{name} = {value!r}\n"
        for name, value in {
            "DESCRIPTION": json.loads(json.dumps(description)),
            "GATE": str(folder / "gate"),
            "ONCE": str(folder / "once"),
        }.items()
    )
    path = program(folder / "words", BODY)
    text = path.read_text("utf-8")
    describing = 'import sys\nif "--describe" in sys.argv:\n    import json\n'
    describing += "    print(json.dumps(DESCRIPTION))\n    sys.exit()\n"
    path.write_text(head + describing + text, "utf-8")
    return path.parent


def write_media(folder: Path, *, number: int) -> list[Path]:
    """As many pictures, sounds and texts, all different; the first three texts are special."""
    folder.mkdir()
    made = []
    for place in range(number):
        kind = place % 3
        path = folder / f"{place:03d}{('.txt', '.png', '.wav')[kind]}"
        if kind == 0:
            head = {0: "wait ", 3: "wait ", 6: "once "}.get(place, "")
            path.write_text(f"{head}word{place} again{place % 7}")
        elif kind == 1:
            picture = np.full((24, 32, 3), place, np.uint8)
            cv2.imwrite(str(path), picture)
        else:
            with wave.open(str(path), "wb") as sound:
                sound.setparams((1, 2, 8000, 0, "NONE", ""))
                sound.writeframes(np.full(400, place, "<i2").tobytes())
        made.append(path)
    return made
