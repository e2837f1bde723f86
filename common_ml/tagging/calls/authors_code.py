"""Which steps of a traceback are the author's code."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import common_ml

if TYPE_CHECKING:
    from types import TracebackType

OUR_STEPS = (f"{os.path.dirname(common_ml.__file__)}{os.sep}", contextlib.__file__)
"""Starts of the paths of the code between the loop and a model."""


def authors_part(traceback: TracebackType | None) -> TracebackType | None:
    """Return a traceback from the author's first step on; all of it if there is none."""
    step = traceback
    while step is not None and step.tb_frame.f_code.co_filename.startswith(OUR_STEPS):
        step = step.tb_next
    return traceback if step is None else step
