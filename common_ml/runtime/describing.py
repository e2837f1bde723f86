"""Read the description of a tagger: from a program by `--describe`, from an image by its label."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.container import (
    checked_image,
    engine_command,
    missing_image_hint,
    run_engine,
)
from common_ml.runtime.targets import find_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.targets import Target

LABEL = "common-ml.describe"
"""The label of an image that holds its description, as JSON."""
OPTION = "--describe"
_TIMEOUT_SECONDS = 300.0
_MAX_SECONDS = 2_000_000.0  # poll() counts milliseconds in 31 bits
_TAIL_LINES = 20


def describe_tagger(
    main_or_image: str,
    *,
    start: bool = False,
    python: str | None = None,
    engine: str | None = None,
    engine_options: Sequence[str] = (),
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Return the description of a tagger, without its weights; see `tagging.description`.

    A program is started with `--describe`, and an image only inspected.

    Args:
        main_or_image: See `targets.find_target`.
        start: Whether to start an image, too, and ask the program in it.
        python: The interpreter of a `.py` program; None for the one that runs this.
        engine: `podman` or `docker`, for an image; None for the one that is found.
        engine_options: More options of `podman run`, for an image that is started.
        timeout_seconds: Time limit for a program.

    Raises:
        TaggerError: there is no such program or image; it has no description.
    """
    return describe_target(
        find_target(main_or_image, python=python),
        start=start,
        engine=engine,
        engine_options=engine_options,
        timeout_seconds=timeout_seconds,
    )


def describe_target(
    target: Target,
    *,
    start: bool = False,
    engine: str | None = None,
    engine_options: Sequence[str] = (),
    timeout_seconds: float = _TIMEOUT_SECONDS,
) -> dict[str, Any]:
    """Return the description of a tagger that is known already; see `describe_tagger`.

    Args:
        target: The program or image.
        start: As in `describe_tagger`.
        engine: As in `describe_tagger`.
        engine_options: As in `describe_tagger`.
        timeout_seconds: As in `describe_tagger`.

    Raises:
        TaggerError: it has no description.
    """
    if target.kind == "process":
        return _answer_of([*target.command, OPTION], target, timeout_seconds)
    command = engine_command(engine)
    if start:
        image = checked_image(target.image)
        run = [*command, "run", "--rm", "--pull=never", *engine_options, "--", image, OPTION]
        return _answer_of(run, target, timeout_seconds)
    return _label_of(target.image, command)


def _answer_of(command: Sequence[str], target: Target, timeout_seconds: float) -> dict[str, Any]:
    try:
        done = subprocess.run(
            list(command),
            cwd=target.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=min(timeout_seconds, _MAX_SECONDS),
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        raise TaggerError(f"cannot start {target.name}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise TaggerError(
            f"{target.name} {OPTION} did not end within {timeout_seconds:g} s; hint: {_HINT}",
            stderr_tail=_tail(error.stderr),
        ) from error
    # the last line: imported modules may print to stdout
    description = _parsed((done.stdout.splitlines() or [b""])[-1])
    if done.returncode != 0 or description is None:
        raise TaggerError(
            f"{target.name} {OPTION} printed no description, and ended with status "
            f"{done.returncode}; hint: {_HINT}",
            stderr_tail=_tail(done.stderr),
            exit_status=done.returncode,
        )
    return description


_HINT = "a program with common-ml answers it where it calls get_params or run_default"


def _label_of(image: str, command: Sequence[str]) -> dict[str, Any]:
    done = run_engine(command, "image", "inspect", "--", checked_image(image))
    if done.returncode != 0:
        raise TaggerError(
            f"{command[0]} has no image {image}; hint: {missing_image_hint(image)}",
            stderr_tail=_tail(done.stderr.encode()),
            exit_status=done.returncode,
        )
    facts = json.loads(done.stdout)[0]
    labels = facts.get("Labels") or (facts.get("Config") or {}).get("Labels") or {}
    text = labels.get(LABEL, "")
    if not text:
        raise TaggerError(
            f"{image} has no label {LABEL}; hint: build it with --build-arg DESCRIPTION=..., see "
            "Containerfile.template, or ask the program in it with --start"
        )
    description = _parsed(text.encode())
    if description is None:
        raise TaggerError(f"the label {LABEL} of {image} is not a description, got {text!r:.80}")
    return description


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "describe" in document else None


def _tail(stderr: bytes | None) -> str:
    return "\n".join((stderr or b"").decode(errors="replace").rstrip().splitlines()[-_TAIL_LINES:])
