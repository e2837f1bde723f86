"""One tags file for each tagged media file: created once or not at all, merged in any order.

A part holds the messages of one file from one tagger. Any number of workers may tag the same files:
the first complete part of a file stays, later ones are dropped. What is there already is skipped,
so running again continues; merged in the order of the input, parts give the bytes of a plain run.

    key = PartKey("films/a.mp4", revision="sha256:1f3...", params={"fps": 2})
    parts = open_parts("s3://bucket/run-7")  # or a folder
    if not parts.has(key):
        parts.commit(key, messages)
    merge(parts, [key], "tags.jsonl")
"""

from __future__ import annotations

from common_ml.parts.folder import FolderParts
from common_ml.parts.keys import PartKey, params_digest
from common_ml.parts.merging import MergeResult, merge
from common_ml.parts.objects import ObjectParts
from common_ml.parts.opening import open_parts, problem_of_parts
from common_ml.parts.store import PartsStore, PartState, PartWriter

__all__ = [
    "FolderParts",
    "MergeResult",
    "ObjectParts",
    "PartKey",
    "PartState",
    "PartWriter",
    "PartsStore",
    "merge",
    "open_parts",
    "params_digest",
    "problem_of_parts",
]
