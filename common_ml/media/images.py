"""Still image -> upright RGB; alone, or many read ahead on threads."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
from av.stream import Disposition

from common_ml import stages
from common_ml.errors import DecodeError, LimitError, MediaError, UnknownMediaError
from common_ml.media import image_headers, limits
from common_ml.media.access import access_error, open_file, quoted
from common_ml.media.budget import OrderedBudget
from common_ml.media.containers import open_container, translated_errors
from common_ml.media.cpus import usable_cpus
from common_ml.media.kinds import media_kind

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from concurrent.futures import Future
    from typing import Any, TypeAlias

    import numpy.typing as npt
    from typing_extensions import Self

    Image: TypeAlias = npt.NDArray[np.uint8]
    ImagePath: TypeAlias = str | os.PathLike[str]
    Result: TypeAlias = tuple[ImagePath, Image | MediaError]

DEFAULT_MEMORY_BUDGET_BYTES = 128 * 1024 * 1024
"""Room for 48 pictures of 1280x720."""


def read_image(path: ImagePath) -> Image:
    """Read a still image: RGB, uint8, shape (H, W, 3), upright.

    Of an animated or multi-page file it is the first picture. Grey, palette, black-and-white and
    CMYK pictures become RGB; an alpha channel is dropped, as most libraries do, so that a model
    sees the colours it was trained on. More than 8 bits are scaled, not cut: 65535 becomes 255.
    Of floating-point pictures 0..1 is black to white (in Radiance and PFM files, which hold linear
    light, through the sRGB curve); numbers beyond 1 are white there, and in a TIFF the largest one
    is. EXIF orientation is applied.

    Raises:
        MissingMediaError: there is no such file.
        DecodeError: damaged, truncated, or in a format that is not supported.
        UnknownMediaError: not a picture.
        LimitError: more pixels than allowed; nothing was decoded.
        MediaError: the file cannot be read.
    """
    with stages.within("decode"):
        rgb = _decode(_read_bytes(path), path)
    stages.tally("frames")
    return rgb


def read_images(
    paths: Iterable[ImagePath],
    *,
    workers: int | None = None,
    memory_budget_bytes: int = DEFAULT_MEMORY_BUDGET_BYTES,
) -> ImageReader:
    """Read many still images ahead on threads, in order.

    Args:
        paths: The files; taken as they are needed, so this may be endless.
        workers: Threads that decode; by default the CPUs that this process may use.
        memory_budget_bytes: How much of decoded pictures may wait to be taken, including those
            that are being decoded. A single picture may be larger than that.

    Returns:
        An iterator of pairs: the path, and the picture as of `read_image` or the MediaError that
        reading it raised. It is a context manager, too; closing it, leaving its block, or
        dropping it stops and joins the threads.
    """
    if workers is not None and workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}")
    return ImageReader(_read_ahead(iter(paths), workers or usable_cpus(), memory_budget_bytes))


def write_png(path: ImagePath, rgb: Image) -> None:
    """Write a picture as PNG: `read_image` gives the same pixels again.

    Args:
        path: The new file; one that is there is replaced.
        rgb: uint8, shape (H, W, 3).

    Raises:
        OSError: the file cannot be written.
        ValueError: `rgb` is no picture.
    """
    import cv2  # noqa: PLC0415 - slow to load, and few ever write a picture

    if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.size == 0:
        raise ValueError(f"rgb must be uint8, shape (H, W, 3), got {rgb.dtype}, {rgb.shape}")
    # 1 of 9: on film frames a fifth larger than the best, and several times as fast
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1]
    _, data = cv2.imencode(".png", cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), fast)
    Path(path).write_bytes(data.tobytes())  # not imwrite: that only says that it failed


def write_grey(path: ImagePath, grey: npt.NDArray[np.uint8]) -> None:
    """Write a picture of one channel, such as a label image, as PNG or, lossy, as JPEG.

    Args:
        path: The new file, which ends in .png or .jpg; one that is there is replaced.
        grey: uint8, shape (H, W).

    Raises:
        OSError: the file cannot be written.
        ValueError: `grey` is no such picture, or the name promises another format.
    """
    import cv2  # noqa: PLC0415 - slow to load, and few ever write a picture

    if grey.dtype != np.uint8 or grey.ndim != 2 or grey.size == 0:
        raise ValueError(f"grey must be uint8, shape (H, W), got {grey.dtype}, {grey.shape}")
    suffix = Path(path).suffix.lower()
    if suffix not in (".png", ".jpg"):
        raise ValueError(f"path must end in .png or .jpg, got {suffix!r}")
    _, data = cv2.imencode(suffix, grey)
    Path(path).write_bytes(data.tobytes())


def jpeg_bytes(rgb: Image, max_size: int, *, quality: int = 75) -> bytes:
    """Returns a picture as JPEG, scaled down where it is larger.

    Args:
        rgb: uint8, shape (H, W, 3).
        max_size: Pixels that the longer side has at most, >= 1.
        quality: 1..100.
    """
    import cv2  # noqa: PLC0415 - slow to load, and few ever write a picture

    height, width = rgb.shape[:2]
    scale = max_size / max(height, width)
    if scale < 1:
        size = (max(round(width * scale), 1), max(round(height * scale), 1))
        rgb = cast("Image", cv2.resize(rgb, size, interpolation=cv2.INTER_AREA))
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return data.tobytes()


class ImageReader:
    """Pairs of a path and its picture, in order; see `read_images`."""

    def __init__(self, results: Generator[Result, None, None]) -> None:
        self._results = results

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Result:
        result = stages.called("decode", next, self._results)
        stages.tally("frames")
        return result

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop reading ahead and join the threads."""
        self._results.close()


def _read_bytes(path: ImagePath) -> bytes:
    with open_file(path) as file:
        num_bytes = os.fstat(file.fileno()).st_size
        most = _SPARE_BYTES + _MOST_BYTES_PER_PIXEL * limits.in_force().max_pixels
        if num_bytes > most:
            raise LimitError(
                f"{quoted(path)} is too large: it has {num_bytes} bytes, and no picture of the"
                f" allowed size has more than {most} (max_pixels)",
                path=path,
            )
        try:
            head = file.read(_HEAD_BYTES)
            _check_size(head, path)  # before the rest takes memory
            data = head + (file.readall() if len(head) == _HEAD_BYTES else b"")
        except OSError as error:
            raise access_error(error, path) from error
    if len(data) > _HEAD_BYTES:
        _check_size(data, path)
    return data


def _check_size(data: bytes, path: ImagePath) -> None:
    """Refuse what is too large, or nothing, by the header: before there is memory for it."""
    size = image_headers.picture_size(data)
    if size is None:
        return
    if 0 in size:
        raise DecodeError(
            f"cannot decode {quoted(path)}: it is {size[0]} x {size[1]} pixels, nothing to see",
            path=path,
        )
    limits.in_force().check_size(path, *size)


def _decode(data: bytes, path: ImagePath) -> Image:
    pixels = _decode_by_opencv(data, path)
    if pixels is not None:
        return _turned(_rgb8(pixels, is_linear=data.startswith(_LINEAR_LIGHT)), data)
    # FFmpeg, which comes next, would make half a picture of half a file.
    if data.startswith(_OPENCV_FORMATS) or _is_half_a_gif(data):
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
        )
    return _turned(_decode_by_ffmpeg(path), data)


_LINEAR_LIGHT = (b"#?RADIANCE", b"#?RGBE", b"PF", b"Pf")
_OPENCV_FORMATS = (b"\xff\xd8\xff", b"\x89PNG", b"BM", b"II\x2a\0", b"MM\0\x2a", b"\0\0\0\x0cjP  ")


def _is_half_a_gif(data: bytes) -> bool:
    return data.startswith(b"GIF8") and not data.rstrip(b"\0").endswith(b";")  # the trailer


def _decode_by_opencv(data: bytes, path: ImagePath) -> npt.NDArray[Any] | None:
    """Decode to BGR or grey at the depth of the file; None where OpenCV cannot."""
    import cv2  # noqa: PLC0415 - slow to load, and video taggers never need it

    # The depth and the number of channels of the file: COLOR fails on grey float TIFFs.
    flags = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR
    if image_headers.says_orientation(data):
        flags |= cv2.IMREAD_IGNORE_ORIENTATION  # _turned does it
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise DecodeError(
            f"cannot decode {quoted(path)}: the picture is damaged or of a kind that is not"
            f" supported ({error.err or 'OpenCV gives no reason'})",
            path=path,
        ) from error
    return cast("npt.NDArray[Any] | None", pixels)


def _rgb8(pixels: npt.NDArray[Any], *, is_linear: bool) -> Image:
    """Grey or BGR of any type -> RGB, uint8."""
    import cv2  # noqa: PLC0415 - loaded already

    order = cv2.COLOR_BGR2RGB if pixels.ndim == 3 else cv2.COLOR_GRAY2RGB
    if pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257)  # rounds: 65535 = 257 * 255
    elif pixels.dtype != np.uint8:
        pixels = np.rint(_unit(pixels, is_linear=is_linear) * 255).astype(np.uint8)
    return cast("Image", cv2.cvtColor(pixels, order))


def _unit(pixels: npt.NDArray[Any], *, is_linear: bool) -> npt.NDArray[Any]:
    """Scale to 0..1."""
    if pixels.dtype in (np.int8, np.int16):
        return np.clip(pixels / np.iinfo(pixels.dtype).max, 0, 1)
    if is_linear:
        return _srgb_curve(np.clip(np.nan_to_num(pixels), 0, 1))
    # Floats beyond 1 and wide integers are measurements with a range of their own.
    values = np.nan_to_num(pixels.astype(np.float64), posinf=0, neginf=0)
    return np.clip(values / max(float(values.max(initial=0)), 1.0), 0, 1)


def _srgb_curve(light: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _decode_by_ffmpeg(path: ImagePath) -> Image:
    """Decode the first picture of a format that OpenCV does not know, or not in all versions."""
    if media_kind(path) != "image":
        raise UnknownMediaError(f"{quoted(path)} is not a picture", path=path)
    with open_container(path) as container, translated_errors(path, doing="decode"):
        stream = next(iter(container.streams.video), None)
        if stream is None:  # its extension alone says that it is a picture
            raise UnknownMediaError(f"{quoted(path)} is not a picture", path=path)
        if stream.disposition & Disposition.dependent:
            raise DecodeError(
                f"cannot decode {quoted(path)}: pictures made of tiles are not supported",
                path=path,
            )
        for frame in container.decode(stream):
            if not frame.is_corrupt:
                # PyAV before 16 takes every range for the narrow one unless it is told.
                rgb = frame.reformat(format="rgb24", src_color_range=frame.color_range)
                return cast("Image", rgb.to_ndarray())
    raise DecodeError(
        f"cannot decode {quoted(path)}: the picture is damaged or truncated", path=path
    )


def _turned(rgb: Image, data: bytes) -> Image:
    """Apply the orientation that OpenCV leaves to us."""
    mirrored, quarter_turns = _TURNS[image_headers.orientation(data)]
    if mirrored:
        rgb = rgb[:, ::-1]
    return np.ascontiguousarray(np.rot90(rgb, quarter_turns))


_TURNS = {
    1: (False, 0), 3: (False, 2), 6: (False, 3), 8: (False, 1),
    2: (True, 0), 4: (True, 2), 5: (True, 1), 7: (True, 3),
}  # fmt: skip
"""EXIF's Orientation -> whether left and right change places, then quarter turns to the left."""


_HEAD_BYTES = 1 << 16
_MOST_BYTES_PER_PIXEL = 8
"""Four channels of 16 bits, not compressed."""
_SPARE_BYTES = 64 * 1024 * 1024
"""For what stands beside the picture: thumbnails, metadata, the other pictures of an animation."""
_FILES_AHEAD = 64
"""More would only cost memory for small pictures: this many are decoded while a model runs."""


def _read_ahead(
    paths: Iterator[ImagePath], workers: int, memory_budget_bytes: int
) -> Generator[Result, None, None]:
    budget = OrderedBudget(memory_budget_bytes)
    pool = ThreadPoolExecutor(workers, thread_name_prefix="read_images")
    pending: deque[Future[Result]] = deque()
    numbered = enumerate(paths)
    try:
        while True:
            for number, path in islice(numbered, _FILES_AHEAD - len(pending)):
                pending.append(pool.submit(_read_within, budget, number, path))
            if not pending:
                return
            pending[0].exception()  # wait: until it is finished its memory counts
            budget.hand_over()
            yield pending.popleft().result()  # no name for it here: it is the taker's alone
    finally:
        budget.close()
        pool.shutdown(cancel_futures=True)


def _read_within(budget: OrderedBudget, number: int, path: ImagePath) -> Result:
    try:
        data = _read_bytes(path)
        size = image_headers.picture_size(data)
        budget.reserve(number, size and 3 * size[0] * size[1])
        rgb = _decode(data, path)
    except MediaError as error:
        budget.settle(number, 0)
        return path, error
    budget.settle(number, rgb.nbytes)
    return path, rgb
