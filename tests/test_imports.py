"""What importing the package costs: which libraries a tagger loads before its model does."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

SHOW_MODULES = """
import json, sys
before = set(sys.modules)
import {module}
# by the names in their specs: Cython keeps its own state in modules without one, or renamed
specs = [getattr(sys.modules[name], "__spec__", None) for name in set(sys.modules) - before]
print(json.dumps([spec.name for spec in specs if spec]))
"""


def modules_loaded_by(module: str) -> set[str]:
    """What a fresh interpreter loads for `import module`, which prints nothing by itself."""
    child = subprocess.run(
        [sys.executable, "-c", SHOW_MODULES.format(module=module)],
        check=True,
        capture_output=True,
        text=True,
    )
    assert child.stderr == ""
    return set(json.loads(child.stdout))


def libraries(modules: set[str]) -> set[str]:
    """Those of them that are neither ours nor Python's."""
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"common_ml"}


def test_importing_the_package_loads_no_library() -> None:
    assert libraries(modules_loaded_by("common_ml")) == set()


def test_the_author_facing_module_loads_only_what_every_tagger_needs() -> None:
    """Not av, cv2, pydantic, torch, typer: together they would cost seconds at each start."""
    loaded = modules_loaded_by("common_ml.tagging.run_helpers")

    assert libraries(loaded) <= {"numpy", "orjson"}
    assert not [name for name in loaded if name.startswith("common_ml.cli")]


def test_every_name_of_the_package_can_be_used() -> None:
    import common_ml

    assert [name for name in common_ml.__all__ if not hasattr(common_ml, name)] == []


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    import common_ml

    with pytest.raises(AttributeError, match="no attribute 'FrameModle'"):
        _ = common_ml.FrameModle
