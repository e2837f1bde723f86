"""Frames in the size that a model wants: their pixels, and boxes of the whole picture."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from common_ml import BatchFrameModel, ClipModel, FrameContext, FrameModel, FrameTag, tag_files
from common_ml.media.decode import sample
from common_ml.media.frame_size import FrameSize
from common_ml.media.video.colour import fitted
from tests.media import recipes

if TYPE_CHECKING:
    from pathlib import Path

SIDES = st.integers(1, 500)
FITS = st.sampled_from(["contain", "cover", "stretch"])
WHOLE = {"x1": 0.0, "y1": 0.0, "x2": 1.0, "y2": 1.0}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clips") / "clip.mp4"
    recipes.write(path, recipes.Video(num_frames=8, rate=Fraction(4), width=320, height=192))
    return path


def model_of(size: Any, fit: str = "contain", box: dict[str, float] | None = None) -> Any:
    class Sized(FrameModel):
        frame_size = size

        def __init__(self) -> None:
            self.frames: list[np.ndarray[Any, Any]] = []
            self.sizes: set[tuple[int, int]] = set()

        def tag_frame(self, img: Any, context: FrameContext) -> list[FrameTag]:
            self.frames.append(img)
            self.sizes.add(context.size)
            return [FrameTag("a", box=box)]

    Sized.fit = fit  # type: ignore[assignment] # as an author may write it
    return Sized()


@pytest.mark.parametrize(
    ("size", "fit", "shape", "scaled"),
    [
        (160, "contain", (96, 160), (160, 96)),
        (640, "contain", (384, 640), (640, 384)),
        ((100, 100), "contain", (100, 100), (100, 60)),
        ((100, 100), "cover", (100, 100), (167, 100)),
        ((100, 100), "stretch", (100, 100), (100, 100)),
    ],
)
def test_pixels_are_those_of_opencv(
    clip: Path, size: Any, fit: str, shape: tuple[int, int], scaled: tuple[int, int]
) -> None:
    """Times stay exact; another scaler differs by rounding, and by half pixels of chroma."""
    model = model_of(size, fit)

    tags = tag_files(model, str(clip), fps=2)

    with sample(clip, fps=2) as stream:
        whole = list(stream)
    assert [tag.start_time for tag in tags if tag.frame_info] == [
        round(frame.seconds * 1000) for frame in whole
    ]
    assert model.sizes == {(320, 192)}
    for found, frame in zip(model.frames, whole, strict=True):
        assert found.shape == (*shape, 3)
        method = cv2.INTER_AREA if scaled[0] <= 320 else cv2.INTER_LINEAR
        by_opencv = cv2.resize(frame.rgb, scaled, interpolation=method).astype(int)
        left, top = ((shape[1] - scaled[0]) // 2, (shape[0] - scaled[1]) // 2)
        expected = np.zeros((*shape, 3), int)
        if left < 0 or top < 0:
            expected = by_opencv[-top : shape[0] - top, -left : shape[1] - left]
        else:
            expected[top : top + scaled[1], left : left + scaled[0]] = by_opencv
        assert np.abs(expected - found).mean() < 4  # of 255, in pictures full of noise


def test_boxes_are_those_of_the_whole_picture(clip: Path) -> None:
    """A square with bars above and below: 20 of 100 rows each."""
    box = {"x1": 0.25, "y1": 0.35, "x2": 0.5, "y2": 0.9}

    (tag, *_) = tag_files(model_of((100, 100), "contain", box), str(clip), fps=1)

    assert tag.frame_info is not None
    assert tag.frame_info.box == pytest.approx({"x1": 0.25, "y1": 0.25, "x2": 0.5, "y2": 1.0})


@given(SIDES, SIDES, SIDES, SIDES, FITS)
def test_a_box_comes_back_from_where_it_went(
    width: int, height: int, out_width: int, out_height: int, fit: Any
) -> None:
    size = FrameSize(out_width, out_height, fit)
    (wide, high), (left, top) = size.scaled(width, height), size.offset(width, height)
    assert size.result(width, height) == (out_width, out_height)
    assert (wide <= out_width and high <= out_height) or fit == "cover"
    assert (wide >= out_width and high >= out_height) or fit == "contain"
    for share in (0.0, 0.25, 0.5, 1.0):
        x, y = (left + share * wide) / out_width, (top + share * high) / out_height
        found = size.box_of_whole({"x1": x, "y1": y, "x2": x, "y2": y}, width, height)
        assert (found["x1"], found["y2"]) == pytest.approx((share, share))


@given(SIDES, SIDES, SIDES)
def test_the_longer_side_is_exact(width: int, height: int, longer: int) -> None:
    size = FrameSize.of(longer)

    assert max(size.result(width, height)) == longer
    assert size.box_of_whole(WHOLE, width, height) == WHOLE


def test_rotated_videos_are_fitted_upright(clip: Path, tmp_path: Path) -> None:
    turned = tmp_path / "turned.mp4"
    turned.write_bytes(clip.read_bytes())
    recipes.rotate(turned, 90)
    model = model_of((60, 100), "cover")

    tag_files(model, str(turned), fps=1)

    assert {frame.shape for frame in model.frames} == {(100, 60, 3)}
    assert model.sizes == {(192, 320)}


def test_still_images_of_any_size_share_a_batch(tmp_path: Path) -> None:
    class Batches(BatchFrameModel):
        frame_size = (64, 48)

        def __init__(self) -> None:
            self.shapes: list[tuple[int, ...]] = []

        def tag_frames(self, imgs: Any) -> list[list[FrameTag]]:
            self.shapes.append(imgs.shape)
            return [[FrameTag("a", box=WHOLE)] for _ in imgs]

    paths = []
    for width in (160, 320):
        paths.append(str(tmp_path / f"{width}.png"))
        cv2.imwrite(paths[-1], recipes.picture(1, width, 96)[..., ::-1])
    model = Batches()

    tags = tag_files(model, paths)

    assert model.shapes == [(2, 48, 64, 3)]
    assert [tag.frame_info and tag.frame_info.box for tag in tags] == [WHOLE, WHOLE]


def test_frames_and_still_images_are_scaled_alike() -> None:
    picture = recipes.picture(3, 320, 192)
    found = fitted(picture, FrameSize.of(80)).astype(int)

    assert np.abs(cv2.resize(picture, (80, 48), interpolation=cv2.INTER_AREA) - found).max() <= 2


def test_clips_are_scaled_too(clip: Path) -> None:
    class Clips(ClipModel):
        frame_size = (32, 32)
        num_frames = 3

        def tag_clip(self, frames: Any, times: Any) -> list[FrameTag]:
            return [FrameTag(f"{frames.shape}")]

    assert {tag.tag for tag in tag_files(Clips(), str(clip))} == {"(3, 32, 32, 3)"}


@pytest.mark.parametrize("size", [0, (0, 5), (5, None), (1, 2, 3), True])
def test_a_size_that_is_none_is_refused(size: Any) -> None:
    with pytest.raises(ValueError, match="frame_size must"):
        tag_files(model_of(size), "a.mp4")


def test_an_attribute_of_that_name_which_is_no_size_is_left_alone(clip: Path) -> None:
    class Old(FrameModel):
        @property
        def frame_size(self) -> Any:  # type: ignore[override] # as an existing model may have it
            return "large"

        def fit(self) -> None:  # type: ignore[override] # the same
            pass

        def tag_frame(self, img: Any) -> list[FrameTag]:
            return [FrameTag(f"{img.shape}")]

    assert {tag.tag for tag in tag_files(Old(), str(clip), fps=1)} == {"(192, 320, 3)"}
