"""Start any tagger that honours the contract, feed it paths and read its tags file."""

from __future__ import annotations

from common_ml.errors import TaggerError
from common_ml.runtime.container import ContainerTagger
from common_ml.runtime.process import ProcessTagger
from common_ml.runtime.tagged_files import tag_files
from common_ml.runtime.tagger import Tagger
from common_ml.runtime.targets import tagger_for

__all__ = [
    "ContainerTagger",
    "ProcessTagger",
    "Tagger",
    "TaggerError",
    "tag_files",
    "tagger_for",
]
