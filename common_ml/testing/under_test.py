"""The tagger whose repo is being tested, as the fixture `tagger` gives it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.runtime import ContainerTagger, ProcessTagger
from common_ml.runtime.tagger import messages_of
from common_ml.runtime.targets import find_target

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common_ml.runtime import Tagger
    from common_ml.runtime.targets import Target
    from common_ml.tagging.messages import Message
    from common_ml.types import StrPath


@dataclass(frozen=True)
class TaggerUnderTest:
    """Starts the tagger as its runtime does, as often as a test wants.

    def test_a_clip_has_tags(tagger, make_clip):
        messages = tagger.tag(make_clip(), params={"fps": 2})
    """

    target: Target
    """The program or image."""
    idle_timeout_seconds: float = 120.0
    """Time limit between two messages."""

    def tag(self, *files: StrPath, params: Mapping[str, Any] | str | None = None) -> list[Message]:
        """Tag files and wait for the end.

        Args:
            *files: The media.
            params: The value of `--params`; None leaves it out.

        Returns:
            All messages, with the files as they are named here.

        Raises:
            TaggerError: it failed; the end of its stderr is in the message.
        """
        return messages_of(self.start(params=params), files)

    def start(self, *, params: Mapping[str, Any] | str | None = None) -> Tagger:
        """A tagger for a test that feeds it by itself: it starts on entry of `with`."""
        if self.target.kind == "image":
            return ContainerTagger(
                self.target.image, params=params, idle_timeout_seconds=self.idle_timeout_seconds
            )
        return ProcessTagger(
            self.target.command,
            params=params,
            cwd=self.target.cwd,
            idle_timeout_seconds=self.idle_timeout_seconds,
        )


def tagger_under_test(config: pytest.Config) -> TaggerUnderTest:
    """The tagger of --tagger, else the `main.py` beside the project's configuration.

    Raises:
        pytest.UsageError: there is neither.
    """
    named = config.getoption("--tagger")
    if named is None and not (config.rootpath / "main.py").is_file():
        raise pytest.UsageError(
            f"no tagger given, and no main.py in {config.rootpath}; hint: pass one, as in "
            "pytest --tagger 'python main.py'"
        )
    timeout = config.getoption("--tagger-idle-timeout")
    return TaggerUnderTest(
        target_of(named or str(config.rootpath / "main.py")), idle_timeout_seconds=timeout
    )


def target_of(named: str) -> Target:
    """What is meant by --tagger; `python` is the one that runs pytest."""
    target = find_target(named)
    if target.command and target.command[0] in ("python", "python3"):
        return replace(target, command=(sys.executable, *target.command[1:]))
    return target


def params_of(config: pytest.Config) -> dict[str, Any] | None:
    """The value of --tagger-params.

    Raises:
        pytest.UsageError: it is not a JSON object.
    """
    text = config.getoption("--tagger-params")
    if text is None:
        return None
    try:
        params = json.loads(text)
    except ValueError as error:
        raise pytest.UsageError(
            f"--tagger-params must be valid JSON, got {text!r}: {error}"
        ) from error
    if not isinstance(params, dict):
        raise pytest.UsageError(f"--tagger-params must be a JSON object, got {text!r}")
    return params
