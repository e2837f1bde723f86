"""Describe how a tagger ended: exit status, signal, crash in native code."""

from __future__ import annotations

import re
import signal
from dataclasses import dataclass

_HEADER = re.compile(r"^Fatal Python error: (.+)$", re.MULTILINE)
_FRAME = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)
_CRASHING_THREAD = re.compile(r"^Current thread .*\(most recent call first\):$", re.MULTILINE)


@dataclass(frozen=True)
class NativeCrash:
    """A crash of the interpreter, as Python's faulthandler reports it on stderr."""

    reason: str
    """Such as `Segmentation fault`."""
    frame: str
    """The innermost Python frame of the thread: `model.py:12 in tag_frame`; "" if unknown."""


def native_crash(stderr: str) -> NativeCrash | None:
    """Find the last report of faulthandler; None if there is none."""
    header = next(reversed(list(_HEADER.finditer(stderr))), None)
    if header is None:
        return None
    rest = stderr[header.end() :]
    thread = _CRASHING_THREAD.search(rest)
    frame = _FRAME.search(rest, thread.end()) if thread else None
    place = f"{frame[1]}:{frame[2]} in {frame[3]}" if frame else ""
    return NativeCrash(header[1], place)


def describe_end(
    name: str, status: int | None, *, last_error: str, open_file: str, stderr: str
) -> str:
    """Say why a tagger that failed ended.

    Args:
        name: The tagger's.
        status: Its exit status; -N for signal N.
        last_error: The message of its last `error` line; "" if there is none.
        open_file: The file that it was tagging, as far as known; "" for none.
        stderr: The end of what it wrote to stderr.
    """
    number = _signal_of(status)
    crash = native_crash(stderr)
    if last_error and (number is None or crash is None):
        return f"{name} stopped with status {status}: {last_error}"
    how = f"ended with status {status}" if number is None else f"was ended by {_name_of(number)}"
    parts = [f"{name} {how}"]
    if open_file and number is not None:
        parts.append(f"while tagging {open_file}")
    if crash is not None:
        parts.append(f"after a crash in native code ({crash.reason})")
        if crash.frame:
            parts.append(f"called from {crash.frame}")
    elif not last_error:
        parts.append("without an error line")
    text = ", ".join(parts)
    if number == signal.SIGKILL and crash is None:
        return f"{text}; hint: the system kills a process that takes too much memory"
    return text


def _signal_of(status: int | None) -> int | None:
    """The signal that ended it; of an engine or a shell 128 is added to it."""
    if status is None:
        return None
    if status < 0:
        return -status
    return status - 128 if 128 < status <= 128 + 64 else None


def _name_of(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal
        return f"signal {number}"
