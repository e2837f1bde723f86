"""Conformance suite: the contract between tagger and runtime, as checks for any tagger."""

from __future__ import annotations

from common_ml.runtime.conformance.check import Check, CheckResult
from common_ml.runtime.conformance.suite import CHECKS, Conformance, results_of, run_checks
from common_ml.runtime.conformance.summary import as_json, as_junit, counted

__all__ = [
    "CHECKS",
    "Check",
    "CheckResult",
    "Conformance",
    "as_json",
    "as_junit",
    "counted",
    "results_of",
    "run_checks",
]
