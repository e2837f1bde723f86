"""Taggers for tests of the service, in a few lines each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.service.models.model import ModelSpec
from tests.runtime.programs import program

if TYPE_CHECKING:
    from pathlib import Path

WORDS = """
import hashlib
params = json.loads(sys.argv[sys.argv.index("--params") + 1]) if "--params" in sys.argv else {}
for line in lines:
    text = open(line, "rb").read().decode(errors="replace")
    if text.startswith("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if text.startswith("wait"):
        tag(line, "waiting")
        time.sleep(600)
    if text.startswith("bad"):
        put("error", message=f"cannot read {line}", source_media=line)
        continue
    for place, word in enumerate(text.split()):
        output.write(json.dumps({"type": "tag", "data": dict(start_time=place, end_time=place,
            tag=params.get("prefix", "") + word, source_media=line, track="",
            additional_info={"confidence": 1 / (place + 1)}, frame_info=None)}) + "\\n")
    put("progress", source_media=line)
"""
"""Tags every word of a file; some first words let it die, wait or fail."""


def words_spec(folder: Path, **values: object) -> ModelSpec:
    """A model with the tagger of words."""
    place = program(folder / "words", WORDS)
    options: dict[str, object] = {"revision": "r1", "types": ("text", "image"), **values}
    return ModelSpec("words", str(place.parent), **options)  # type: ignore[arg-type] # as given
