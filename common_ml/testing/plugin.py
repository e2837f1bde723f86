"""The pytest plugin; pytest loads it wherever common-ml is installed.

So it imports nothing but pytest, adds options and fixtures, and does nothing else unless asked:

    pytest --tagger "python main.py"
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from common_ml.testing.made_media import MakeClip, MakeImage, MakeSound
    from common_ml.testing.under_test import TaggerUnderTest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of taggers."""
    group = parser.getgroup("common-ml", "taggers (common-ml)")
    group.addoption(
        "--tagger",
        metavar="TAGGER",
        help='run the checks of the contract against it: "python main.py", a main.py, its folder, '
        "or an image; the fixture `tagger` starts it, too",
    )
    group.addoption(
        "--tagger-file",
        action="append",
        default=[],
        metavar="FILE",
        help="good media for the checks, instead of generated ones; may be repeated",
    )
    group.addoption("--tagger-params", metavar="JSON", help="params that the tagger requires")
    group.addoption(
        "--tagger-idle-timeout",
        type=float,
        default=120.0,
        metavar="SECONDS",
        help="time without a message after which the tagger counts as hanging (default: 120)",
    )


@pytest.hookimpl(tryfirst=True)  # before -k and -m choose
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the checks to the tests that were collected, if there is a tagger to check."""
    if session.config.getoption("--tagger") is None:
        return
    from common_ml.testing.check_items import check_items

    items.extend(check_items(session))


@pytest.fixture
def make_clip(tmp_path: Path) -> MakeClip:
    """Makes a video: `make_clip("clip.mp4", seconds=2, words=("ONE", "TWO"), sound=True)`."""
    from common_ml.testing.made_media import MakeClip

    return MakeClip(tmp_path)


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Makes a picture: `make_image("picture.png", word="CAT")`."""
    from common_ml.testing.made_media import MakeImage

    return MakeImage(tmp_path)


@pytest.fixture
def make_sound(tmp_path: Path) -> MakeSound:
    """Makes a sound that resembles speech: `make_sound("a.wav", seconds=2)`."""
    from common_ml.testing.made_media import MakeSound

    return MakeSound(tmp_path)


@pytest.fixture
def tagger(pytestconfig: pytest.Config) -> TaggerUnderTest:
    """The tagger of --tagger, else the main.py of this folder: `tagger.tag("clip.mp4")`."""
    from common_ml.testing.under_test import tagger_under_test

    return tagger_under_test(pytestconfig)
