from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from common_ml.utils import get_file_type
from common_ml.utils.files import decode_path, encode_path


class TestEncodedPaths:
    @pytest.mark.parametrize(
        ("path", "encoded"),
        [
            ("clip.mp4", "Y2xpcA.mp4"),
            ("part 1.mp4", "cGFydCAx.mp4"),
            ("media/part 1.mp4", "bWVkaWEvcGFydCAx.mp4"),
            ("??>.jpg", "Pz8-.jpg"),
            ("a.tar.gz", "YS50YXI.gz"),
            ("noextension", "bm9leHRlbnNpb24"),
            (".hidden", "LmhpZGRlbg"),
            ("", ""),
        ],
    )
    def test_what_stands_before_the_extension_becomes_base64(self, path: str, encoded: str) -> None:
        assert encode_path(path) == encoded
        assert decode_path(encoded) == path

    @given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"])))
    def test_every_path_comes_back(self, path: str) -> None:
        encoded = encode_path(path)
        assert decode_path(encoded) == path
        assert re.fullmatch(r"[A-Za-z0-9_-]*", encoded.partition(".")[0])

    def test_names_that_are_no_text_come_back(self) -> None:
        assert decode_path(encode_path("\udcff.mp4")) == "\udcff.mp4"

    def test_path_objects_do(self) -> None:
        assert decode_path(Path(encode_path(Path("a/b.mp4")))) == "a/b.mp4"

    @pytest.mark.parametrize("name", ["a b.mp4", "Y2xpcA==.mp4", "é.mp4", "A.mp4"])
    def test_a_name_that_was_never_encoded_is_refused(self, name: str) -> None:
        with pytest.raises(ValueError, match=f"not an encoded path: '{name}'"):
            decode_path(name)


class TestFileType:
    def test_content_decides(self, tmp_path: Path) -> None:
        Image.new("RGB", (8, 8)).save(tmp_path / "clip.mp4", "PNG")
        assert get_file_type(tmp_path / "clip.mp4") == "image"
        (tmp_path / "notes.mp4").write_text("nothing to see")
        assert get_file_type(str(tmp_path / "notes.mp4")) == "unknown"

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("a.mp4", "video"), ("a.JPG", "image"), ("a.mp3", "audio"), ("a.docx", "unknown")],
    )
    def test_the_name_decides_where_there_is_no_file(self, name: str, kind: str) -> None:
        assert get_file_type(f"no/such/{name}") == kind
