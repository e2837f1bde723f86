"""What is kept of a call in which a model failed: enough to make the same call again.

<crash_dir>/<time>-<process>-<number>-<method>/
bundle.json       the call: method, params, file, frames, versions
traceback.txt     from the model's own code on
frame_000.png     the pixels that the model got, lossless; one for each frame of the batch
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import stat
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import common_ml
from common_ml.errors import ParamsError, describe
from common_ml.media.images import write_png
from common_ml.tagging.model_output import Shot
from common_ml.tagging.params import parse_arguments, parse_params
from common_ml.tagging.versions import versions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from common_ml.tagging.models.frame_based import Pixels

logger = logging.getLogger(__name__)

MOST_BUNDLES = 20
"""That many a job: a model that fails on each of a million frames is to fill no disk."""

_FORMAT = 1
_CHUNK_BYTES = 1 << 20
_OUR_STEPS = (f"{Path(common_ml.__file__).parent}{os.sep}", contextlib.__file__)
"""Where the code lies that stands between the loop and a model."""


@dataclass(frozen=True)
class FileFacts:
    """The file that an `AVModel` got, so that another one under its name is noticed."""

    path: str
    """As received."""
    absolute_path: str
    num_bytes: int
    sha256: str


@dataclass(frozen=True)
class Bundle:
    """A call in which a model failed."""

    method: str
    """As in `Model.tag_frame`."""
    kind: Literal["frames", "file"]
    """Whether the model got pixels or a path."""
    error: str
    """`ExceptionType: message`."""
    params: dict[str, Any]
    """The value of `--params`, as sent."""
    shots: tuple[Shot, ...]
    """The frames, in the order of the batch; none for a file."""
    file: FileFacts | None
    """The file, for a method that gets a path."""
    versions: dict[str, str]
    """Of Python, the system, common-ml and the libraries that were loaded."""


class CrashBundles:
    """Saves bundles below a directory; never fails for it."""

    def __init__(self, folder: str) -> None:
        """Prepare to save; nothing is touched before the first crash.

        Args:
            folder: The value of `crash_dir`; it is made where it does not exist.
        """
        self._folder = Path(folder)
        self._num_crashes = 0

    def save_frames(
        self, error: Exception, *, method: str, shots: Sequence[Shot], images: Pixels
    ) -> None:
        """Save a call that got pixels.

        Args:
            error: What was raised.
            method: As in `Model.tag_frames`.
            shots: Where the frames come from.
            images: RGB, uint8, shape (N, H, W, 3), as the model got them.
        """
        self._save(error, method=method, shots=shots, images=images)

    def save_file(self, error: Exception, *, method: str, path: str) -> None:
        """Save a call that got the path of a file."""
        self._save(error, method=method, path=path)

    def _save(
        self,
        error: Exception,
        *,
        method: str,
        shots: Sequence[Shot] = (),
        images: Pixels | None = None,
        path: str | None = None,
    ) -> None:
        if getattr(error, "bundled", False):
            return  # of a call inside of this one
        self._num_crashes += 1
        if self._num_crashes > MOST_BUNDLES:
            if self._num_crashes == MOST_BUNDLES + 1:
                logger.warning("%d crash bundles are saved: no more of this job", MOST_BUNDLES)
            return
        with contextlib.suppress(AttributeError):  # an exception with __slots__ takes none
            error.bundled = True  # type: ignore[attr-defined] # any other takes an attribute
        try:
            bundle = Bundle(
                method=method,
                kind="frames" if path is None else "file",
                error=describe(error),
                params=_params(),
                shots=tuple(shots),
                file=None if path is None else facts_of(path),
                versions=versions(),
            )
            saved = self._write(bundle, own_traceback(error), images)
        except Exception as problem:  # noqa: BLE001 - what failed is told; the job must go on
            logger.warning("no crash bundle below %s: %s", self._folder, describe(problem))
        else:
            logger.error("crash bundle: %s", saved)

    def _write(self, bundle: Bundle, text: str, images: Pixels | None) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(prefix=".partial-", dir=self._folder))
        try:
            partial.chmod(0o755)  # not the owner's alone: a container's root is somebody else
            for number, image in enumerate(() if images is None else images):
                write_png(partial / _frame_name(number), image)
            (partial / "traceback.txt").write_text(text, "utf-8", "backslashreplace")
            document = {"format": _FORMAT, **asdict(bundle)}
            # ASCII: a path that is no UTF-8 survives as escapes of lone surrogates
            (partial / "bundle.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")
            final = self._folder / self._name(bundle)
            partial.rename(final)  # whole or not at all
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
        return final

    def _name(self, bundle: Bundle) -> str:
        now = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S")
        method = bundle.method.rpartition(".")[2]
        return f"{now}-{os.getpid()}-{self._num_crashes:02}-{method}"


def load(folder: Path) -> tuple[Bundle, list[Path]]:
    """A saved bundle, and its pictures in the order of the batch.

    Raises:
        ValueError: the directory is no bundle, or of a later format.
    """
    try:
        document = json.loads((folder / "bundle.json").read_text("utf-8"))
        if document.pop("format") != _FORMAT:
            raise ValueError(f"{folder} is a bundle of another version of common-ml")
        document["shots"] = tuple(Shot(**shot) for shot in document["shots"])
        document["file"] = document["file"] and FileFacts(**document["file"])
        bundle = Bundle(**document)
    except (OSError, KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
        raise ValueError(f"{folder} is no crash bundle: {describe(error)}") from error
    return bundle, [folder / _frame_name(number) for number in range(len(bundle.shots))]


def facts_of(path: str) -> FileFacts:
    """What tells a file from another of its name.

    Raises:
        OSError: it cannot be read, or is no regular file.
    """
    digest = hashlib.sha256()
    # not blocking: the path may name a FIFO that nobody writes to
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(f"{path} is no regular file")
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
        size = file.tell()
    return FileFacts(path, os.path.abspath(path), size, digest.hexdigest())  # noqa: PTH100 - a Path would change the string


def own_traceback(error: BaseException) -> str:
    """The traceback as Python prints it, without the steps by which common-ml reached the model."""
    told = traceback.TracebackException.from_exception(error)
    for part in _chain(told):
        frames = part.stack
        first = next(
            (i for i, frame in enumerate(frames) if not frame.filename.startswith(_OUR_STEPS)),
            len(frames),
        )
        del frames[:first]
    return "".join(told.format())


def _chain(told: traceback.TracebackException) -> Iterator[traceback.TracebackException]:
    yield told
    for earlier in (told.__cause__, told.__context__):
        if earlier is not None:
            yield from _chain(earlier)


def _frame_name(number: int) -> str:
    return f"frame_{number:03}.png"


def _params() -> dict[str, Any]:
    try:
        return parse_params(parse_arguments(sys.argv[1:]).params_text)
    except ParamsError:  # a program that takes its params from elsewhere
        return {}
