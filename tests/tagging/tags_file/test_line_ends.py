"""The last newline of a file, wherever it stands."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml.tagging.tags_file import line_ends
from common_ml.tagging.tags_file.line_ends import end_of_last_line, ends_in_torn_line

if TYPE_CHECKING:
    from pathlib import Path


@given(st.binary(max_size=50).map(lambda data: data.replace(b"\0", b"\n")))
def test_it_is_found_from_the_end(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("file") / "a"
    path.write_bytes(content)
    with pytest.MonkeyPatch.context() as patch, path.open("rb") as file:
        patch.setattr(line_ends, "_CHUNK_BYTES", 4)
        assert end_of_last_line(file.fileno(), len(content)) == content.rfind(b"\n") + 1
    assert ends_in_torn_line(str(path)) == (content != b"" and not content.endswith(b"\n"))


def test_a_fifo_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert not ends_in_torn_line(str(tmp_path / "fifo"))
