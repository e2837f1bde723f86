"""The trials that checks evaluate: cached runs, each made when the first check needs it."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from common_ml.runtime.conformance.material import (
    MADE_KINDS,
    Material,
    MediaExtent,
    extent_of,
    made_material,
    material_of,
)
from common_ml.runtime.conformance.start_options import StartOptions, params_text
from common_ml.runtime.conformance.trial import EARLIER_LINE, Trial

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from common_ml.runtime.conformance.subject import Subject
    from common_ml.runtime.conformance.trial_record import TrialRecord

STOP_SECONDS = 5.0
"""Seconds between SIGTERM and SIGKILL."""
UNKNOWN_ARGUMENTS = ("--an-unknown-option", "value", "--an-unknown-flag", "stray")
BAD_PARAMS: Mapping[str, str] = {
    "malformed": '{"fps": 1',
    "no-object": '["fps", 1]',
    "unknown-key": '{"an_unknown_key": 1}',
    "wrong-type": '{"continue_on_error": "perhaps"}',
}
_SHORT_SECONDS = 10.0
_SETTLE_SECONDS = 0.3
"""Seconds between the progress of a file and the wait for the next one."""
_NUM_MORE = 20
"""Number of files queued when the tagger is stopped while busy."""


class Trials:
    """The trials of the tagger under test, shared by the checks."""

    own_directory: bool = False
    """Whether the tagger works in its program's folder only, and so all trials start there."""

    def __init__(
        self,
        subject: Subject,
        folder: Path,
        *,
        files: Sequence[Path] = (),
        params: Mapping[str, Any] | None = None,
        quiet_seconds: float,
        stop_seconds: float = STOP_SECONDS,
    ) -> None:
        """Initialise; the tagger is started by the first check that needs it.

        Args:
            subject: The tagger.
            folder: Gets a folder per trial; the caller removes it.
            files: Good files of the user's; without any, files are made.
            params: What every trial gets as `--params`, where nothing else is tested.
            quiet_seconds: Time without a message after which it counts as hanging.
            stop_seconds: How long it may take to end after SIGTERM.
        """
        self.subject, self.params = subject, params
        self.stop_seconds = stop_seconds
        self.quiet_seconds = quiet_seconds
        self.num_starts = 0
        self.has_own_files = bool(files)
        self._files, self._folder = files, folder
        self._extents: dict[Path, MediaExtent] = {}
        self._outside: TrialRecord | None = None
        self._bad_params: dict[str, TrialRecord] = {}

    @property
    def material(self) -> Material:
        """The files that this tagger accepts, as far as known."""
        return self._ordinary[0]

    @property
    def ordinary(self) -> TrialRecord:
        """Only `--output-path`; each file arrives when the one before it is done; end of input."""
        return self._ordinary[1]

    @property
    def outside(self) -> TrialRecord | None:
        """The trial in another folder than the program's, where that failed; else None."""
        _ = self._ordinary
        return self._outside

    @cached_property
    def repeated(self) -> TrialRecord:
        """The same files, all at once, with unknown arguments and an output file that exists."""
        return self._repeat(StartOptions(arguments=UNKNOWN_ARGUMENTS, existing=EARLIER_LINE))

    @cached_property
    def isolated_failures(self) -> dict[str, TrialRecord]:
        """`arguments` or `existing` -> the trial with that alone, where it failed."""
        if self.is_like_ordinary(self.repeated):
            return {}
        alone = {
            "arguments": StartOptions(arguments=UNKNOWN_ARGUMENTS),
            "existing": StartOptions(existing=EARLIER_LINE),
        }
        plain = [self.material.plain]
        outcomes = {name: self._repeat(setting, plain) for name, setting in alone.items()}
        return {name: out for name, out in outcomes.items() if not self.is_like_ordinary(out)}

    @cached_property
    def second(self) -> TrialRecord:
        """The same files once more, all at once, without what is known to fail."""
        if not self.isolated_failures:
            return self.repeated
        arguments = () if "arguments" in self.isolated_failures else UNKNOWN_ARGUMENTS
        existing = b"" if "existing" in self.isolated_failures else EARLIER_LINE
        return self._repeat(StartOptions(arguments=arguments, existing=existing))

    @cached_property
    def empty(self) -> TrialRecord:
        """No line at all; an image has no network."""
        return self._feed(StartOptions(network=False), [])

    @cached_property
    def empty_online(self) -> TrialRecord:
        """The same with a network."""
        return self._feed(StartOptions(), [])

    @cached_property
    def missing(self) -> TrialRecord:
        """A file that does not exist."""
        return self._feed(StartOptions(), [self.material.missing])

    @cached_property
    def broken(self) -> TrialRecord:
        """A file that is not media."""
        return self._feed(StartOptions(), [self.material.broken])

    @cached_property
    def continued(self) -> TrialRecord:
        """A missing, a broken and a good file, with `continue_on_error`."""
        files = [self.material.missing, self.material.broken, self.material.plain]
        return self._feed(
            StartOptions(params=params_text(self.params, continue_on_error=True)), files
        )

    @cached_property
    def stopped_idle(self) -> TrialRecord:
        """SIGTERM while it waits for more input; the status is None if that did not end it."""
        return self._best_of_two(self._stop_idle)

    @cached_property
    def stopped_busy(self) -> TrialRecord:
        """SIGTERM while it works on many files; the status is None if that did not end it."""
        return self._best_of_two(self._stop_busy)

    @property
    def odd_values(self) -> list[str]:
        """Accepted values in good files that are probably unintended: a sentence for each kind.

        The warnings of the tagger's own log, and what its tags show.
        """
        records = [self.ordinary]
        if "pictured" in self.__dict__:  # a question starts no tagger
            records.append(self.pictured)
        found = dict.fromkeys(text for record in records for text in record.warnings)
        early = [
            tag for tag in self.ordinary.kind("tag") if _is_negative(tag.data.get("start_time"))
        ]
        if early:
            found[f"{len(early)} tags start before their file, such as {early[0].excerpt}"] = None
        return list(found)

    @cached_property
    def pictured(self) -> TrialRecord:
        """A picture, alone."""
        return self._feed(StartOptions(), [self.material.picture])

    def with_bad_params(self, kind: str) -> TrialRecord:
        """Started with one of `BAD_PARAMS`, and no input."""
        if kind not in self._bad_params:
            self._bad_params[kind] = self._feed(StartOptions(params=self._bad_text(kind)), [])
        return self._bad_params[kind]

    @cached_property
    def takes_any_params(self) -> bool:
        """Whether its description declares that it accepts any key."""
        description = self.subject.description(timeout_seconds=self.quiet_seconds) or {}
        params = description.get("params")
        return isinstance(params, dict) and params.get("additionalProperties", True) is True

    def extent_of(self, sent: str) -> MediaExtent:
        """How long a file is, by the line that was sent."""
        content = self.material.contents.get(sent.rpartition("/")[2])
        if content is None:
            return MediaExtent()
        if content not in self._extents:
            self._extents[content] = extent_of(content)
        return self._extents[content]

    def is_like_ordinary(self, outcome: TrialRecord) -> bool:
        """Whether a trial ended well, or just as the ordinary one did, with all its files done."""
        complete = len(outcome.finished) == len(outcome.sent)
        return complete and outcome.exit_status in (0, self.ordinary.exit_status)

    def _bad_text(self, kind: str) -> str:
        text = BAD_PARAMS[kind]
        if kind in ("unknown-key", "wrong-type") and self.params:
            return json.dumps({**self.params, **json.loads(text)})
        return text

    @cached_property
    def _ordinary(self) -> tuple[Material, TrialRecord]:
        """Find the files that it accepts and the folder in which it works."""
        tried = []
        for material in self._candidates():
            outcome = self._one_by_one(material)
            tried.append((material, outcome))
            if outcome.has_progress(outcome.sent[0]) or not outcome.errors_of(outcome.sent[0]):
                break  # it works, or it fails for another reason than the kind of file
        material, outcome = tried[-1]
        if self._is_dead(outcome) and not self.subject.is_image:
            self.own_directory = True
            at_home = self._one_by_one(tried[0][0])
            self.own_directory = not self._is_dead(at_home)
            if self.own_directory:
                self._outside = tried[0][1]
                material, outcome = tried[0][0], at_home
            else:
                material, outcome = tried[0]  # report about the most usual kind
        if outcome.exit_status is None:
            # it hangs at its end, every time: later trials wait less
            self.quiet_seconds = min(self.quiet_seconds, _SHORT_SECONDS)
        return material, outcome

    def _candidates(self) -> Iterator[Material]:
        """The user's files; else made ones, each kind when the one before was refused."""
        if self._files:
            yield material_of(self._files)
            return
        for kind in MADE_KINDS:
            yield made_material(kind, self._folder / f"made_{kind}")

    def _is_dead(self, outcome: TrialRecord) -> bool:
        """Whether it failed before the first file was done."""
        return outcome.exit_status != 0 and not outcome.has_progress(outcome.sent[0])

    def _one_by_one(self, material: Material) -> TrialRecord:
        names = list(material.contents)
        with self._trial(StartOptions(), material) as trial:
            while names:
                (line,) = trial.send(names.pop(0))
                if not trial.wait_for_answer(line, quiet_seconds=self.quiet_seconds):
                    break
                if trial.has_failed(line):
                    names.clear()
            if names and trial.is_running():
                trial.send(*names)  # it may need all of them at once
            trial.close_input()
            trial.wait_for_end(quiet_seconds=self.quiet_seconds)
            return trial.record()

    def _repeat(self, setting: StartOptions, names: Sequence[str] | None = None) -> TrialRecord:
        if names is None:
            done = self.ordinary.finished
            names = [line.rpartition("/")[2] for line in done]
        return self._feed(setting, names)

    def _feed(self, setting: StartOptions, names: Sequence[str]) -> TrialRecord:
        """Send files at once, end the input, wait for the end."""
        _ = self.ordinary  # it finds out where the tagger works
        with self._trial(setting) as trial:
            if names:
                trial.send(*names)
            trial.close_input()
            trial.wait_for_end(quiet_seconds=self.quiet_seconds)
            return trial.record()

    def _best_of_two(self, stop: Callable[[], TrialRecord]) -> TrialRecord:
        """Repeat the stop where the first signal had no effect.

        Python runs handlers between two bytecodes, so a signal that comes just before a blocking
        read waits for its end. That is rare and not the author's fault; a tagger that ignores
        signals ignores the second one, too.
        """
        _ = self.ordinary
        outcome = stop()
        return stop() if outcome.exit_status is None else outcome

    def _stop_idle(self) -> TrialRecord:
        with self._trial(StartOptions()) as trial:
            self._tag_plain(trial)
            trial.note_first_process()
            trial.wait_for(lambda: False, quiet_seconds=_SETTLE_SECONDS)
            trial.stop(within_seconds=self.stop_seconds)
            return trial.record()

    def _stop_busy(self) -> TrialRecord:
        with self._trial(StartOptions()) as trial:
            self._tag_plain(trial)
            before = trial.num_lines()
            suffix = self.material.suffix
            trial.send(*(f"more_{n:02}{suffix}" for n in range(1, _NUM_MORE + 1)))
            # the first new line shows that it is busy; a late writer is busy anyhow
            quiet = 1.0 if self.ordinary.late else self.quiet_seconds
            trial.wait_for(lambda: trial.num_lines() > before, quiet_seconds=quiet)
            trial.stop(within_seconds=self.stop_seconds)
            return trial.record()

    def _tag_plain(self, trial: Trial) -> None:
        (line,) = trial.send(self.material.plain)
        # a tagger that answers late is not waited for a second time
        quiet = 1.0 if self.ordinary.late else self.quiet_seconds
        trial.wait_for_answer(line, quiet_seconds=quiet)

    def _trial(self, setting: StartOptions, material: Material | None = None) -> Trial:
        self.num_starts += 1
        folder = self._folder / f"trial_{self.num_starts:02}"
        params = setting.params if setting.params is not None else params_text(self.params)
        complete = replace(setting, params=params, own_directory=self.own_directory)
        return Trial(self.subject, material or self.material, complete, folder)


def _is_negative(value: object) -> bool:
    return isinstance(value, (int, float)) and value < 0
