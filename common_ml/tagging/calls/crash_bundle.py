"""Save and load crash bundles: failed calls of a model that can be replayed.

<crash_dir>/<time>-<process>-<number>-<method>/
bundle.json       the call: method, params, file, frames, versions
traceback.txt     starts at the model's own code
frame_000.png     the pixels that the model received, lossless; one for each frame of the batch
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
import traceback
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from common_ml.errors import describe_error
from common_ml.media import images as image_files
from common_ml.tagging.calls.authors_code import OUR_STEPS
from common_ml.tagging.calls.validator import FrameRef
from common_ml.tagging.calls.versions import versions
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.params.parsing import sent_params

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.tagging.models.frame_based import Pixels

logger = SafeLogger(__name__)

MAX_BUNDLES = 20
"""Limit per job: a model that fails on each of a million frames must not fill the disk."""

_FORMAT = 1
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class FileFacts:
    """The file that an `AVModel` received, with facts to recognise it by."""

    path: str
    """The path as received."""
    absolute_path: str
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """A failed call of a model."""

    method: str
    """Such as `Model.tag_frame`."""
    kind: Literal["frames", "file"]
    """Whether the model received pixels or a path."""
    error: str
    """`ExceptionType: message`."""
    params: dict[str, Any]
    """The value of `--params`, as sent."""
    shots: tuple[FrameRef, ...]
    """The frames, in the order of the batch; none for a file."""
    file: FileFacts | None
    """The file, for a method that gets a path."""
    versions: dict[str, str]
    """Versions of Python, the system, common-ml and the loaded libraries."""


class CrashBundles:
    """Save bundles below a directory; never raise."""

    def __init__(self, folder: str) -> None:
        """Prepare to save; nothing is written before the first crash.

        Args:
            folder: The value of `crash_dir`; created if it does not exist.
        """
        self._folder = Path(folder)
        self._num_crashes = 0

    def save_frames(
        self, error: BaseException, *, method: str, shots: Sequence[FrameRef], images: Pixels
    ) -> None:
        """Save a call with pixels.

        Args:
            error: The exception of the model.
            method: Such as `Model.tag_frames`.
            shots: The origins of the frames.
            images: RGB, uint8, shape (N, H, W, 3), as the model received them.
        """
        self._save(error, method=method, shots=shots, images=images)

    def save_file(self, error: BaseException, *, method: str, path: str) -> None:
        """Save a call with the path of a file."""
        self._save(error, method=method, path=path)

    def _save(
        self,
        error: BaseException,
        *,
        method: str,
        shots: Sequence[FrameRef] = (),
        images: Pixels | None = None,
        path: str | None = None,
    ) -> None:
        if getattr(error, "bundled", False):
            return  # saved by a nested call
        self._num_crashes += 1
        if self._num_crashes > MAX_BUNDLES:
            if self._num_crashes == MAX_BUNDLES + 1:
                logger.warning("%d crash bundles are saved: no more of this job", MAX_BUNDLES)
            return
        with contextlib.suppress(AttributeError):  # an exception with __slots__ takes none
            error.bundled = True  # type: ignore[attr-defined] # any other takes an attribute
        try:
            bundle = Bundle(
                method=method,
                kind="frames" if path is None else "file",
                error=describe_error(error),
                params=sent_params(),
                shots=tuple(shots),
                file=None if path is None else facts_of(path),
                versions=versions(),
            )
            saved = self._write(bundle, own_traceback(error), images)
        except Exception as problem:  # noqa: BLE001 - the failure is logged; the job must go on
            logger.warning("no crash bundle below %s: %s", self._folder, describe_error(problem))
        else:
            logger.error("crash bundle: %s", saved)

    def _write(self, bundle: Bundle, text: str, images: Pixels | None) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._folder))
        try:
            partial.chmod(0o755)  # not for the owner only: root in a container is another user
            for number, image in enumerate(() if images is None else images):
                image_files.write_png(partial / _frame_name(number), image)
            (partial / "traceback.txt").write_text(text, "utf-8", "backslashreplace")
            document = {"format": _FORMAT, **asdict(bundle)}
            # ASCII: a path that is no UTF-8 survives as escapes of lone surrogates
            (partial / "bundle.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
            final = self._folder / self._name(bundle)
            partial.rename(final)  # atomic
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return final

    def _name(self, bundle: Bundle) -> str:
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
        method = bundle.method.rpartition(".")[2]
        return f"{now}-{os.getpid()}-{self._num_crashes:02}-{method}"


def load(folder: Path) -> tuple[Bundle, list[Path]]:
    """Return a saved bundle, and its images in batch order.

    Raises:
        ValueError: the directory is not a bundle, or has a later format.
    """
    try:
        document = json.loads((folder / "bundle.json").read_text("utf-8"))
        if document.pop("format") != _FORMAT:
            raise ValueError(f"{folder} is a bundle of another version of common-ml")
        document["shots"] = tuple(FrameRef(**shot) for shot in document["shots"])
        document["file"] = document["file"] and FileFacts(**document["file"])
        bundle = Bundle(**document)
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder} is not a crash bundle: {describe_error(error)}") from error
    return bundle, [folder / _frame_name(number) for number in range(len(bundle.shots))]


def facts_of(path: str) -> FileFacts:
    """Return the facts that identify the content of a file.

    Raises:
        OSError: it cannot be read, or is not a regular file.
    """
    digest = hashlib.sha256()
    # non-blocking: the path may name a FIFO without a writer
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is not a regular file")
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        size = file.tell()
    return FileFacts(path, os.path.abspath(path), size, digest.hexdigest())


def own_traceback(error: BaseException) -> str:
    """Return the traceback as Python prints it, starting at the model's own code."""
    shown = traceback.TracebackException.from_exception(error)
    for part in _chain(shown):
        frames = part.stack
        first = next(
            (i for i, frame in enumerate(frames) if not frame.filename.startswith(OUR_STEPS)),
            len(frames),
        )
        del frames[:first]
    return "".join(shown.format())


def _chain(shown: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield shown
    for earlier in (shown.__cause__, shown.__context__):
        if earlier is not None:
            yield from _chain(earlier)


def _frame_name(number: int) -> str:
    return f"frame_{number:03}.png"
