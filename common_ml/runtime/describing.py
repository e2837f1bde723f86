"""What a tagger tells about itself: a program by `--describe`, an image by its label."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

from common_ml.errors import TaggerError
from common_ml.runtime.container import engine_command, run_engine
from common_ml.runtime.targets import find_target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from common_ml.runtime.targets import Target

LABEL = "common-ml.describe"
"""The label of an image that holds its description, as JSON."""
OPTION = "--describe"
_TIMEOUT_SECONDS = 300.0
_TAIL_LINES = 20


def describe(
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
        timeout_seconds: How long a program may take.

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
    """Return the description of a tagger that is known already; see `describe`.

    Args:
        target: The program or image.
        start: As in `describe`.
        engine: As in `describe`.
        engine_options: As in `describe`.
        timeout_seconds: As in `describe`.

    Raises:
        TaggerError: it has no description.
    """
    if target.kind == "process":
        return _answer_of([*target.command, OPTION], target, timeout_seconds)
    command = engine_command(engine)
    if start:
        run = [*command, "run", "--rm", "--pull=never", *engine_options, target.image, OPTION]
        return _answer_of(run, target, timeout_seconds)
    return _label_of(target.image, command)


def _answer_of(command: Sequence[str], target: Target, timeout_seconds: float) -> dict[str, Any]:
    try:
        done = subprocess.run(  # noqa: S603 - to start programs is what this is for
            list(command),
            cwd=target.cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_seconds,
            check=False,
            start_new_session=True,
        )
    except OSError as error:
        raise TaggerError(f"cannot start {target.name}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise TaggerError(
            f"{target.name} {OPTION} did not end within {timeout_seconds:g} s: {_WAY_OUT}",
            stderr_tail=_tail(error.stderr),
        ) from error
    # the last line: what is imported may greet on stdout
    description = _parsed((done.stdout.splitlines() or [b""])[-1])
    if done.returncode != 0 or description is None:
        raise TaggerError(
            f"{target.name} {OPTION} gave no description, and ended with status "
            f"{done.returncode}: {_WAY_OUT}",
            stderr_tail=_tail(done.stderr),
            exit_status=done.returncode,
        )
    return description


_WAY_OUT = "a program made with common-ml answers it where it calls get_params or run_default"


def _label_of(image: str, command: Sequence[str]) -> dict[str, Any]:
    done = run_engine(command, "image", "inspect", image)
    if done.returncode != 0:
        raise TaggerError(
            f"{command[0]} knows no image {image}: build or pull it, or name a main.py",
            stderr_tail=_tail(done.stderr.encode()),
            exit_status=done.returncode,
        )
    facts = json.loads(done.stdout)[0]
    labels = facts.get("Labels") or (facts.get("Config") or {}).get("Labels") or {}
    text = labels.get(LABEL, "")
    if not text:
        raise TaggerError(
            f"{image} has no label {LABEL}: build it with --build-arg DESCRIPTION=..., as "
            "Containerfile.template says, or ask the program in it with --start"
        )
    description = _parsed(text.encode())
    if description is None:
        raise TaggerError(f"the label {LABEL} of {image} is no description, got {text!r:.80}")
    return description


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(line)
    except ValueError:
        return None
    return document if isinstance(document, dict) and "describe" in document else None


def _tail(stderr: bytes | None) -> str:
    return "\n".join((stderr or b"").decode(errors="replace").rstrip().splitlines()[-_TAIL_LINES:])
