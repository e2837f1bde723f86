from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from common_ml.errors import DecodeError
from common_ml.media.choices import Choices, reading
from common_ml.media.damage import Findings, report, verdict

WHOLE: dict[str, Any] = {
    "what": "pictures",
    "num_decoded": 100,
    "decoded_seconds": Fraction(4),
    "stated_seconds": Fraction(4),
    "period_seconds": Fraction(1, 25),
}
CUT = {"truncation": "9 bytes of mdat are missing"}


@pytest.mark.parametrize(
    ("found", "tolerant", "strict"),
    [
        ({}, "whole", "whole"),
        ({"num_marked": 3}, "marked", "marked"),
        ({"lost_seconds": (1.0,)}, "damaged", "broken"),
        ({"lost_seconds": (1.0,), "num_marked": 3}, "damaged", "broken"),
        ({"num_lost": 2}, "damaged", "broken"),
        ({"num_decoded": 0, "lost_seconds": (0.0, 1.0)}, "broken", "broken"),
        ({"num_decoded": 0, "decoded_seconds": Fraction(0)}, "whole", "whole"),  # an empty stream
        ({"num_decoded": 0, "decoded_seconds": Fraction(0), "refusal": "x"}, "broken", "broken"),
        ({"num_decoded": 0, "decoded_seconds": Fraction(0), **CUT}, "broken", "broken"),
        # the structure says that bytes are missing: only what states to last longer has lost any
        (CUT, "whole", "whole"),
        ({**CUT, "decoded_seconds": Fraction(3)}, "damaged", "broken"),
        ({**CUT, "decoded_seconds": Fraction(399, 100)}, "whole", "whole"),
        ({**CUT, "decoded_seconds": Fraction(397, 100)}, "damaged", "broken"),
        ({**CUT, "stated_seconds": None}, "damaged", "broken"),
        ({"refusal": "End of file", "decoded_seconds": Fraction(3)}, "damaged", "broken"),
        # a file may state anything
        ({"decoded_seconds": Fraction(3)}, "whole", "whole"),
    ],
)
def test_verdicts(found: dict[str, Any], tolerant: str, strict: str) -> None:
    findings = Findings(**{**WHOLE, **found})
    assert verdict(findings, "tolerate") == tolerant
    assert verdict(findings, "fail") == strict


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (
            {"lost_seconds": (1.0, 2.52)},
            "4.0 s of 4.0 s (2 of 102 pictures are left out, at 1.00, 2.52 s)",
        ),
        (
            {"lost_seconds": tuple(map(float, range(10)))},
            "(10 of 110 pictures are left out, at 0.00, 1.00, 2.00, 3.00, 4.00, 5.00, 6.00, 7.00,",
        ),
        (
            {"what": "sound", "num_lost": 3, **CUT, "decoded_seconds": Fraction(3)},
            "of 4.0 s of its sound (3 of 103 packets are silent) (9 bytes of mdat are missing)",
        ),
        (
            {"num_marked": 2},
            "2 packets are marked as damaged, as where parts were joined; all pictures were",
        ),
    ],
)
def test_one_warning_says_how_much_is_lost_and_where(
    found: dict[str, Any], says: str, caplog: pytest.LogCaptureFixture
) -> None:
    report(Findings(**{**WHOLE, **found}), "a.mp4")
    (message,) = caplog.messages
    assert message.startswith("'a.mp4'")
    assert says in message


def test_a_whole_file_is_not_spoken_of(caplog: pytest.LogCaptureFixture) -> None:
    report(Findings(**WHOLE), "a.mp4")
    assert caplog.messages == []


def test_under_fail_the_loss_is_an_error() -> None:
    with (
        reading(Choices(damage="fail")),
        pytest.raises(
            DecodeError, match=r"^'a.mp4' is damaged or truncated: decoded 4.0 s of 4.0 .* hint: "
        ),
    ):
        report(Findings(**WHOLE, lost_seconds=(1.0,)), "a.mp4")


def test_what_no_policy_can_use_has_no_hint() -> None:
    lost = {"num_decoded": 0, "decoded_seconds": Fraction(0), "lost_seconds": (0.0, 1.0)}
    with (
        reading(Choices(damage="fail")),
        pytest.raises(DecodeError, match=r"\(2 of 2 pictures are left out, at 0.00, 1.00 s\)$"),
    ):
        report(Findings(**{**WHOLE, **lost}), "a.mp4")
