"""The notebook, run as it is, by a kernel of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from common_ml.tagging.tag_list import Tags

if TYPE_CHECKING:
    from collections.abc import Callable

REPOSITORY = Path(__file__).resolve().parents[2]
CLIP = REPOSITORY / "examples" / "media" / "clip.mp4"
NOTEBOOKS: Any = nbformat  # it has no type hints
NOTEBOOK = REPOSITORY / "docs" / "walkthrough.ipynb"


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], Any]:
    """Runs a notebook in a folder with a clip."""
    shutil.copy(CLIP, tmp_path / "clip.mp4")
    for variable in ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_DATA_DIR"):
        monkeypatch.setenv(variable, str(tmp_path / "jupyter"))

    def execute(notebook: Any) -> Any:
        resources = {"metadata": {"path": str(tmp_path)}}
        return NotebookClient(notebook, timeout=120, resources=resources).execute()

    return execute


def data_of(cell: Any) -> dict[str, Any]:
    """What a cell shows, by type."""
    shown: dict[str, Any] = {}
    for output in cell.outputs:
        shown.update(output.get("data", {"text/plain": output.get("text")}))
    return shown


def test_every_cell_of_the_walkthrough_runs(run: Callable[[Any], Any], tmp_path: Path) -> None:
    notebook = NOTEBOOKS.read(NOTEBOOK, as_version=4)
    assert [cell.outputs for cell in notebook.cells if cell.cell_type == "code"] == [[]] * 7

    cells = [cell for cell in run(notebook).cells if cell.cell_type == "code"]

    table, ranges, counts, page = (data_of(cells[place]) for place in (2, 3, 4, 5))
    assert table["text/plain"].startswith("33 tags of 1 file\n  clip.mp4      0.000      0.000  ")
    assert "<td>clip.mp4</td>" in table["text/html"]
    assert ranges["text/plain"].splitlines()[0] == " 0.000 ..  3.042  blue"
    assert "blue" in counts["text/plain"]
    assert page["text/html"].startswith('<iframe title="tags" srcdoc="&lt;!doctype html&gt;')
    saved = Tags.read(tmp_path / "tags.jsonl")
    assert (len(saved), saved.files) == (33, ["clip.mp4"])
    assert not [output for cell in cells for output in cell.outputs if "error" in output]


def test_run_default_in_a_notebook_names_tag_files(run: Callable[[Any], Any]) -> None:
    """In place of a usage text and an exit."""
    source = (
        "from common_ml import AVModel, run_default\n"
        "class Empty(AVModel):\n"
        "    def tag(self, fpath): return []\n"
        "run_default(Empty())"
    )
    notebook = NOTEBOOKS.v4.new_notebook(cells=[NOTEBOOKS.v4.new_code_cell(source)])

    with pytest.raises(CellExecutionError, match=r"hint: here, from common_ml import tag_files"):
        run(notebook)
