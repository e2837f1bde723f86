"""The names that existing model repos take by star imports, and the lazy ones of the top."""

from __future__ import annotations

from importlib import import_module

import pytest

import common_ml

TYPING = {"Dict", "Iterator", "List", "Optional", "Union"}
TAGS = {"FrameInfo", "FrameTag", "Tag"}
MESSAGES = {"Error", "FrameInfo", "Message", "Progress", "ProgressRatio", "Tag"}
MODELS = {"AVModel", "BatchFrameModel", "FrameModel"}

NAMES = {
    "common_ml.tagging.messages": TYPING | MESSAGES | {"np"},
    "common_ml.tagging.models.tag_types": TYPING | TAGS | {"np"},
    "common_ml.tagging.models.frame_based": TYPING | TAGS | {"BatchFrameModel", "FrameModel", "np"},
    "common_ml.tagging.models.av": TYPING | TAGS | MODELS | {"np"},
    "common_ml.tagging.file_tagger": TYPING | TAGS | MODELS | {"FileTagger", "np"},
    "common_ml.tagging.producer": TYPING
    | MESSAGES
    | TAGS
    | MODELS
    | {"FileTagger", "TagMessageProducer", "np"},
    "common_ml.tagging.run_helpers": TYPING
    | MESSAGES
    | TAGS
    | MODELS
    | {
        "AbortTaggingException",
        "argparse",
        "asdict",
        "dataclass",
        "json",
        "logger",
        "time",
        "FileTagger",
        "TagMessageProducer",
        "catch_errors",
        "get_params",
        "np",
        "run_default",
        "start_loop_from_av_model",
        "start_loop_from_frame_model",
        "start_loop_from_producer",
        "write_message",
    },
}


@pytest.mark.parametrize("module", NAMES)
def test_a_star_import_brings_the_names(module: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from {module} import *", namespace)  # noqa: S102 - there is no other way to do it
    assert NAMES[module] - set(namespace) == set()


@pytest.mark.parametrize("name", sorted(set(common_ml.__all__) - {"__version__"}))
def test_the_top_level_names_are_those_of_their_homes(name: str) -> None:
    value = getattr(common_ml, name)
    assert value is getattr(import_module(value.__module__), name)


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        common_ml.nothing  # noqa: B018 - the access is what is tested
