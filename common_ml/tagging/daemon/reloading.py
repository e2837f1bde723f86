"""Take over an author's changed code in a running tagger, with the weights it has loaded.

`common-ml run --watch` sets the environment variable and sends SIGHUP when code has changed and no
file is being tagged. Without a `reload` method the signal ends the process, as it always does, and
the runtime starts another one.
"""

from __future__ import annotations

import importlib
import os
import runpy
import signal
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from common_ml.errors import describe_error
from common_ml.tagging.job.log import SafeLogger
from common_ml.tagging.params.parsing import sent_params
from common_ml.tagging.params.sdk_options import SdkOptions
from common_ml.tagging.producer import FileProducer, TagMessageProducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "COMMON_ML_WATCH"
"""Environment variable that is set where changed code is taken over."""
RELOADED, NOT_RELOADED = "reloaded", "not reloaded"
"""How the line in the log begins that the runtime waits for."""
_RUN_NAME = "__common_ml_reload__"

logger = SafeLogger(__name__)


@contextmanager
def reloading(
    producer: TagMessageProducer, use: Callable[[TagMessageProducer], None]
) -> Iterator[None]:
    """Take over changed code on SIGHUP inside the block, where the model has a `reload` method.

    Args:
        producer: The current one.
        use: Called with another one, made of the changed code.
    """
    model: Any = producer.model if isinstance(producer, FileProducer) else producer
    is_main = threading.current_thread() is threading.main_thread()
    if VARIABLE not in os.environ or not is_main or not hasattr(model, "reload"):
        yield
        return
    current = [model]

    def reload(number: int, frame: object) -> None:
        del frame
        try:
            changed = _changed_class(type(current[0]))
            if not hasattr(changed, "reload"):
                _end_by_default(number)
            current[0] = _reloaded(changed, current[0])
            use(_producer_of(current[0]))
        except BaseException as error:
            text = describe_error(error)
            logger.exception("%s: %s", NOT_RELOADED, text)
        else:
            logger.info("%s: %s", RELOADED, type(model).__name__)

    before = signal.signal(signal.SIGHUP, reload)
    try:
        yield
    finally:
        signal.signal(signal.SIGHUP, before)


def _end_by_default(number: int) -> None:
    """End the process as the signal does without a handler."""
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _reloaded(changed: Any, model: Any) -> Any:
    """Return an instance of the changed class, made by its `reload` from the model before."""
    new = changed.__new__(changed)
    new.reload(model)
    return new


def _changed_class(kind: type[Any]) -> Any:
    """Return the model's class as its code is now."""
    folder = Path(sys.argv[0]).absolute().parent
    for name, module in list(sys.modules.items()):
        if name != "__main__" and _is_below(getattr(module, "__file__", None), folder):
            del sys.modules[name]
    importlib.invalidate_caches()
    if kind.__module__ == "__main__":  # under another name, so that it does not start
        found: Any = runpy.run_path(sys.argv[0], run_name=_RUN_NAME)[kind.__qualname__]
        found.__module__ = "__main__"
        return found
    return getattr(importlib.import_module(kind.__module__), kind.__qualname__)


def _is_below(path: str | None, folder: Path) -> bool:
    """Whether a module is the author's: beside the program, and not in an environment there."""
    if not path:
        return False
    place = Path(path).absolute()
    return place.is_relative_to(folder) and "site-packages" not in place.parts


def _producer_of(model: Any) -> TagMessageProducer:
    if isinstance(model, TagMessageProducer):
        return model
    from common_ml.tagging.models.frame_based import BatchFrameModel, FrameModel

    samples_frames = isinstance(model, (FrameModel, BatchFrameModel))
    options = SdkOptions.from_params(sent_params(), samples_frames=samples_frames)
    return TagMessageProducer.from_model(
        model,
        fps=options.fps,
        allow_single_frame=options.allow_single_frame,
        options=options,
    )
