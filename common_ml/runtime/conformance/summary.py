"""Machine-readable results: JSON, and JUnit XML for CI servers."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.conformance.check import CheckResult
    from common_ml.runtime.conformance.verdict import CheckOutcome

_OUTCOMES: tuple[CheckOutcome, ...] = ("passed", "failed", "skipped")
# XML 1.0 cannot contain these, not even escaped.
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def counted(results: Sequence[CheckResult]) -> dict[str, int]:
    """How many checks passed, failed and were skipped."""
    counts = Counter(result.outcome for result in results)
    return {outcome: counts[outcome] for outcome in _OUTCOMES}


def as_json(
    results: Sequence[CheckResult],
    *,
    tagger: str,
    seconds: float,
    num_starts: int,
    odd_values: Sequence[str] = (),
) -> dict[str, Any]:
    """The results as JSON.

    Args:
        results: Of the checks, in order.
        tagger: Its name.
        seconds: How long all this took.
        num_starts: How often the tagger was started.
        odd_values: Accepted values that are probably unintended.
    """
    return {
        "tagger": tagger,
        **counted(results),
        "seconds": round(seconds, 3),
        "starts": num_starts,
        "odd_values": list(odd_values),
        "checks": [result.to_json() for result in results],
    }


def as_junit(results: Sequence[CheckResult], *, tagger: str, seconds: float) -> bytes:
    """A JUnit report of one suite, a test case per check; UTF-8.

    Args:
        results: Of the checks, in order.
        tagger: Its name.
        seconds: How long all this took.
    """
    counts = counted(results)
    attributes = {
        "name": _writable(f"common-ml check {tagger}"),
        "tests": str(len(results)),
        "failures": str(counts["failed"]),
        "errors": "0",
        "skipped": str(counts["skipped"]),
        "time": f"{seconds:.3f}",
    }
    suites = ET.Element("testsuites")
    suite = ET.SubElement(suites, "testsuite", attributes)
    for result in results:
        case = ET.SubElement(
            suite,
            "testcase",
            {
                "classname": "common-ml.check",
                "name": result.name,
                "time": f"{result.seconds:.3f}",
            },
        )
        if result.failed:
            failure = ET.SubElement(case, "failure", {"message": _writable(result.seen)})
            failure.text = _writable(
                f"expected: {result.expected}\nseen: {result.seen}\nhint: {result.hint}"
            )
        elif result.skipped:
            ET.SubElement(case, "skipped", {"message": _writable(result.seen)})
    ET.indent(suites)
    written: bytes = ET.tostring(suites, encoding="utf-8", xml_declaration=True)
    return written + b"\n"


def _writable(text: str) -> str:
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
