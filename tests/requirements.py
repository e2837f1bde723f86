"""What a test needs beside Python: another program, a container runtime, a browser."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def lacking(what: str, reason: str) -> NoReturn:
    """Skip the test, or fail it where CI demands what it needs.

    Args:
        what: What is needed, as in `COMMON_ML_REQUIRE_<WHAT>`: browser, cluster, containers,
            postgres.
        reason: What there is not, such as "there is no chromium on PATH".
    """
    variable = f"COMMON_ML_REQUIRE_{what.upper()}"
    if os.environ.get(variable):
        pytest.fail(f"{variable} is set, but {reason}")
    pytest.skip(reason)
