"""The checks themselves, tested by mutation: every fault is caught by the check meant for it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from common_ml.runtime.conformance import CHECKS, run_checks
from common_ml.runtime.conformance.material import made_material
from tests.runtime.faulty_taggers import FAULTS, GOOD, Fault

if TYPE_CHECKING:
    from pathlib import Path

IMAGES_ONLY = {check.name for check in CHECKS if check.target == "image"}


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three clips, made once: making them costs more than tagging them."""
    contents = made_material("video", tmp_path_factory.mktemp("clips")).contents
    return sorted(set(contents.values()))


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_caught_by_the_check_meant_for_it(
    fault: Fault, clips: list[Path], tmp_path: Path
) -> None:
    main = tmp_path / "main.py"
    main.write_text(fault.source, encoding="utf-8")

    results = run_checks(
        str(main),
        clips,
        quiet_seconds=5 if fault.hangs else 60,
        stop_seconds=1 if fault.hangs else 5,
    )

    failed = {result.name: result.seen for result in results if result.failed}
    assert fault.caught_by in failed
    assert failed.keys() <= {fault.caught_by, *fault.also}, "an accusation that is not true"
    for result in results:
        assert bool(result.hint) == result.failed
        assert bool(result.seen) == (not result.passed)


def test_every_check_has_a_fault_that_it_catches() -> None:
    """A check that nothing can fail would be worth nothing."""
    caught = Counter(fault.caught_by for fault in FAULTS)

    assert {check.name for check in CHECKS} - caught.keys() == IMAGES_ONLY  # tests/container has
    assert len({fault.name for fault in FAULTS}) == len(FAULTS)


def test_a_good_tagger_of_another_make_is_not_accused(tmp_path: Path) -> None:
    """Thirty lines that never heard of common-ml pass, with nothing left out."""
    main = tmp_path / "main.py"
    main.write_text(GOOD, encoding="utf-8")
    assert "common_ml" not in GOOD

    results = run_checks(str(main))

    assert [(result.name, result.seen) for result in results if not result.passed] == []
    assert [result.name for result in results] == [
        check.name for check in CHECKS if check.name not in IMAGES_ONLY
    ]
