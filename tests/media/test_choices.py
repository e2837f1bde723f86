from __future__ import annotations

import threading
from typing import Any

import pytest

from common_ml.media.choices import Choices, in_force, reading, same_language


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        ("de", "deu", True),
        ("ger", "de", True),
        ("GER", "de-AT", True),
        ("fre", "fra", True),
        ("en", "eng", True),
        ("zho", "chi", True),
        ("en_US", "eng", True),
        ("nds", "nds", True),
        ("nds", "nld", False),
        ("en", "fr", False),
        ("", "", False),
        ("", "en", False),
        ("und", "en", False),
    ],
)
def test_codes_of_languages(one: str, other: str, is_same: bool) -> None:
    assert same_language(one, other) == is_same
    assert same_language(other, one) == is_same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"damage": "ignore"}, "damage must be 'tolerate' or 'fail', got 'ignore'"),
        ({"video_stream": -1}, "video_stream must be a place >= 0 or a language, got -1"),
        ({"audio_stream": ""}, "audio_stream must be a place >= 0 or a language, got ''"),
        ({"audio_stream": True}, "audio_stream must be a place >= 0 or a language, got True"),
    ],
)
def test_choices_make_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Choices(**options)


def test_choices_hold_in_a_block_and_in_every_thread() -> None:
    seen = []
    strict = Choices(damage="fail")
    with reading(strict):
        thread = threading.Thread(target=lambda: seen.append(in_force()))
        thread.start()
        thread.join()
    assert seen == [strict]
    assert in_force() == Choices()
