"""Checks of how a tagger starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common_ml.runtime.conformance.check import Check
from common_ml.runtime.conformance.output import messages_in
from common_ml.runtime.conformance.verdict import PASSED, CheckFinding, failed, skipped

if TYPE_CHECKING:
    from common_ml.runtime.conformance.trials import Trials


def _starts(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    plain = outcome.sent[0]
    if outcome.exit_status == 0 or outcome.tags_of(plain) or outcome.has_progress(plain):
        return PASSED
    what = "the file given" if trials.has_own_files else "a generated video, picture or sound"
    return failed(f"nothing was tagged ({what} was sent): {outcome.summary}")


def _works_elsewhere(trials: Trials) -> CheckFinding:
    if trials.subject.is_image:
        return skipped("an image always starts in /elv")
    if trials.outside is not None:
        return failed(
            f"started in another folder: {trials.outside.summary}; in its own folder it works"
        )
    if not trials.ordinary.finished:
        return skipped("no file was tagged, wherever it started")
    return PASSED


def _tolerates_arguments(trials: Trials) -> CheckFinding:
    if not trials.ordinary.finished:
        return skipped("no file was tagged without such arguments either")
    if "arguments" in trials.isolated_failures:
        return failed(trials.isolated_failures["arguments"].summary)
    return PASSED


def _leaves_stdout(trials: Trials) -> CheckFinding:
    outcome = trials.ordinary
    written = {line.raw for line in outcome.lines}
    strays = [line for line in messages_in(outcome.stdout) if line.raw not in written]
    if strays:
        return failed(
            f"{len(strays)} messages on stdout that are missing in the output, such as "
            f"{strays[0].excerpt}"
        )
    return PASSED


def _starts_offline(trials: Trials) -> CheckFinding:
    offline = trials.empty
    if offline.exit_status == 0:
        return PASSED
    if trials.empty_online.exit_status != 0:
        return skipped("it does not start with a network either")
    return failed(f"without a network: {offline.summary}; with one it starts")


def _is_first_process(trials: Trials) -> CheckFinding:
    outcome = trials.stopped_idle
    if not outcome.first_process:
        return skipped("its process 1 is not visible from this machine")
    program = outcome.first_process.split()[0].rpartition("/")[2]
    if program in _SHELLS and outcome.exit_status is None:
        return failed(
            f"process 1 is a shell: {outcome.first_process}; it does not pass "
            "SIGTERM on to the tagger"
        )
    return PASSED


_SHELLS = frozenset({"sh", "bash", "dash", "ash", "ksh", "zsh", "busybox"})

CHECKS = (
    Check(
        name="starts",
        title="starts with nothing but --output-path",
        expected="argv holds --output-path; --params may be absent; a good file is tagged",
        hint="run it by hand with --output-path alone; give every param a default; if it rejects "
        "the generated files, pass good ones: common-ml check MAIN FILE...",
        evaluate=_starts,
    ),
    Check(
        name="working-directory",
        title="runs in any working directory",
        expected="the paths on stdin are relative to the working directory, which need not be the "
        "program's folder",
        hint="locate weights and other files of the program with Path(__file__).parent, and do not "
        "depend on the working directory for imports",
        evaluate=_works_elsewhere,
    ),
    Check(
        name="unknown-arguments",
        title="tolerates unknown arguments",
        expected="unknown arguments are tolerated",
        hint="with argparse: use parse_known_args() instead of parse_args()",
        evaluate=_tolerates_arguments,
    ),
    Check(
        name="stdout",
        title="writes messages to the output file, not to stdout",
        expected="messages are appended to the output file; stdout is not read",
        hint="write messages to the file that --output-path names, and logs to stderr",
        evaluate=_leaves_stdout,
    ),
    Check(
        name="first-process",
        title="is process 1 of its container",
        expected="there is no init process: the entrypoint is PID 1, and gets SIGTERM",
        hint='write the ENTRYPOINT in exec form, ["python3", "-u", "/elv/main.py"], or begin the '
        "last command of a script with exec",
        evaluate=_is_first_process,
        target="image",
    ),
    Check(
        name="offline",
        title="starts without a network",
        expected="everything it needs to start is in the image or in the mounted cache",
        hint="put weights into the image at build time, or load them from /root/.cache before "
        "trying the network (as with HF_HUB_OFFLINE=1)",
        evaluate=_starts_offline,
        target="image",
    ),
)
