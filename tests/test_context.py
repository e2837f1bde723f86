"""Settings of the current work, found by their class in any thread."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from common_ml.context import WorkContext, current, entered


@dataclass(frozen=True)
class Size:
    pixels: int


class Other:
    pass


def test_a_setting_is_found_by_its_class() -> None:
    work = WorkContext(Size(3))
    assert (work.setting(Size), work.setting(Other)) == (Size(3), None)
    assert work.settings == (Size(3),)


@pytest.mark.parametrize("settings", [(), (Size(3),)], ids=["none before", "another before"])
def test_a_setting_is_replaced_for_a_block(settings: tuple[Size, ...]) -> None:
    work = WorkContext(*settings)

    def run() -> None:
        with work.replacing(Size(5)):
            assert work.setting(Size) == Size(5)
            with work.replacing(Size(7)):
                assert work.setting(Size) == Size(7)
            assert work.setting(Size) == Size(5)
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert work.settings == settings


def test_threads_without_a_context_have_that_of_the_process() -> None:
    work = WorkContext(Size(3))
    with entered(work), ThreadPoolExecutor(1) as pool:
        assert pool.submit(current).result() is work
    assert current() is not work


def test_what_is_kept_is_made_once_a_work() -> None:
    work = WorkContext()
    assert work.kept(Other) is work.kept(Other)
    assert work.kept(Other) is not WorkContext().kept(Other)
