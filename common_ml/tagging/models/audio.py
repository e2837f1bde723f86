"""Base class of models that tag sound, window by window."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING

from common_ml.media.audio import audio_windows
from common_ml.tagging.models.windows import Window, WindowModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from common_ml.tagging.messages import Tag
    from common_ml.tagging.models.tag_types import FrameTag


class AudioModel(WindowModel):
    """A model that tags sound, also that of videos.

    Extend it with one method; this is a whole `main.py`:

        from common_ml import AudioModel, FrameTag, catch_errors, run_default

        class Loudness(AudioModel):
            window_seconds = 1

            def tag_audio(self, samples, start_seconds):
                return [FrameTag(tag="loud")] if abs(samples).max() > 0.5 else []

        if __name__ == "__main__":
            with catch_errors():
                run_default(Loudness())

    Windows begin at 0 and cover the sound. What a model sets in `__init__` counts as well.
    """

    window_method = "tag_audio"

    sample_rate: int = 16000
    """Samples per second."""
    window_seconds: float = 10.0
    """Length of a window; it holds a sample at least."""
    overlap_seconds: float = 0.0
    """How far a window reaches into the next one, >= 0 and less than `window_seconds`."""
    pads_last_window: bool = True
    """Whether the last window of a file is filled up with zeros; else it is shorter."""

    @abstractmethod
    def tag_audio(
        self, samples: npt.NDArray[np.float32], start_seconds: float
    ) -> Sequence[FrameTag | Tag]:
        """Tag one window.

        Args:
            samples: Mono, float32, -1..1, shape (N,); the same number in every window, unless
                `pads_last_window` is off.
            start_seconds: Where the window begins, from the start of the file.

        Returns:
            The window's tags, possibly none. A FrameTag, or a Tag without times, is about the whole
            window. The times of a Tag count from the window's start, in milliseconds. What lies
            beyond the end of the file is cut to it.
        """

    def windows(self, fpath: str) -> Iterator[Window]:
        """Yield the windows of the sound.

        Raises:
            MediaError: the file has no sound, or cannot be decoded.
            ValueError: a class attribute is out of its range.
        """
        windows = audio_windows(
            fpath,
            window_seconds=self.window_seconds,
            overlap_seconds=self.overlap_seconds,
            sample_rate=self.sample_rate,
        )
        for window in windows:
            start_seconds, samples = window.start_seconds, window.samples
            num_samples = max(round(window.duration_seconds * self.sample_rate), 1)
            yield Window(
                start_seconds,
                start_seconds + window.duration_seconds,
                (samples if self.pads_last_window else samples[:num_samples], start_seconds),
                ends_file=num_samples < len(samples),
            )
