"""Generate the clips that the media engine is tested with: every codec, container and oddity.

    build("h264_open_gop", directory)      # -> Path

What the encoders of PyAV's wheels cannot make, and what stands in for it:

- H.264 coded field by field. libx264 codes interlaced pictures as macroblock-adaptive frames
  (`h264_interlaced`).
- Two pictures packed in one packet, as some MPEG-4 has them in AVI. VP9's superframes
  (`vp9_alt_ref`) are packets with a hidden picture beside the shown one.
- Alt-ref pictures of VP8, which libvpx makes in two passes only. `vp8_alt_ref` has a few pictures
  marked as not shown, which is what an alt-ref picture is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Literal

from tests.media import recipes
from tests.media.recipes import Video

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typing_extensions import Unpack

Health = Literal["whole", "truncated", "damaged"]


@dataclass(frozen=True)
class Clip:
    """One file of the corpus."""

    suffix: str
    """Of the file name, with the dot."""
    make: Callable[[Path], None]
    """Writes the file."""
    health: Health = "whole"
    """Whether a decoder can reach the end."""
    undefined: range = range(0)
    """Frames of which parts were lost: what a decoder paints there is its own affair."""


def build(name: str, directory: Path) -> Path:
    """Makes the clip `name` in `directory`, unless it is there."""
    clip = CLIPS[name]
    path = directory / f"{name}{clip.suffix}"
    if not path.exists():
        scratch = path.with_name(f"unfinished_{path.name}")
        clip.make(scratch)
        scratch.rename(path)
    return path


def _x264(params: str = "", **changes: object) -> Video:
    options = {"preset": "veryfast", "crf": "28", "x264-params": params}
    return replace(Video(codec="libx264", options=options), **changes)  # type: ignore[arg-type] # names of fields


def _x265(params: str, **changes: object) -> Video:
    quiet = f"log-level=none:pools=none:frame-threads=1:{params}"
    options = {"preset": "ultrafast", "crf": "30", "x265-params": quiet}
    return replace(Video(codec="libx265", options=options), **changes)  # type: ignore[arg-type] # names of fields


def _plain(
    suffix: str,
    *videos: Video,
    health: Health = "whole",
    undefined: range = range(0),
    then: Callable[[Path], None] = lambda path: None,
    **company: Unpack[recipes.Company],
) -> Clip:
    """A file as an encoder and a muxer leave it, and what is done to its bytes then."""

    def make(path: Path) -> None:
        recipes.write(path, *videos, **company)
        then(path)

    return Clip(suffix, make, health, undefined)


def _joined(suffix: str, *videos: Video) -> Clip:
    """Parts of which each has its own headers, one behind the other."""

    def make(path: Path) -> None:
        parts = [path.with_name(f"{path.stem}_{n}{suffix}") for n in range(len(videos))]
        for part, video in zip(parts, videos, strict=True):
            recipes.write(part, video)
        recipes.concatenate(path, parts)
        for part in parts:
            part.unlink()

    return Clip(suffix, make)


RATE = Fraction(24)
"""Frames per second of a clip that does not say otherwise."""
SHORT = "keyint=12:min-keyint=12:scenecut=0"
"""Groups of 12 pictures: five of them in 60 frames."""
OPEN = "keyint=12:min-keyint=12:scenecut=0:open-gop=1:bframes=3:b-adapt=0"

_VP9 = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "16", "g": "20", "b": "200k"}
_VP8 = {"deadline": "realtime", "cpu-used": "8", "g": "20", "b": "200k"}
_AV1 = {"preset": "12", "crf": "45", "svtav1-params": "keyint=16:lp=1"}
_NTSC_FILM = Fraction(24000, 1001)
_MILLISECONDS = Fraction(1, 1000)
_MPEG = Fraction(1, 90000)


def _wobble(n: int) -> int:
    """Milliseconds of the n-th frame: 20 to 90 ms apart, never twice the same beat."""
    return n * 40 + (n * n * 7) % 31 + (n // 7) * 25


def _gap(n: int) -> int:
    """Milliseconds: 25 fps with holes of 3.1 s and 0.9 s."""
    return n * 40 + (3100 if n >= 20 else 0) + (900 if n >= 33 else 0)


_H264_KINDS: dict[str, Clip] = {
    "h264_default": _plain(".mp4", Video(options={"crf": "28"})),
    "h264_gop_12": _plain(".mp4", _x264(SHORT)),
    "h264_no_b_frames": _plain(".mp4", _x264(f"{SHORT}:bframes=0")),
    "h264_pyramid": _plain(
        ".mp4", _x264("keyint=24:bframes=7:b-pyramid=normal:b-adapt=0:scenecut=0")
    ),
    "h264_pyramid_strict": _plain(".mkv", _x264(f"{SHORT}:bframes=3:b-pyramid=strict:b-adapt=0")),
    "h264_open_gop": _plain(".mp4", _x264(OPEN)),
    "h264_open_gop_mkv": _plain(".mkv", _x264(OPEN)),
    "h264_open_gop_ts": _plain(".ts", _x264(OPEN)),
    "h264_uneven_groups": _plain(
        ".mp4", _x264("keyint=250:scenecut=0", keyframes_at=(1, 2, 5, 35, 36, 59))
    ),
    "h264_intra_refresh": _plain(".mp4", _x264("keyint=12:intra-refresh=1:bframes=0")),
    "h264_intra_refresh_ts": _plain(".ts", _x264("keyint=12:intra-refresh=1:bframes=0")),
    "h264_interlaced": _plain(".mp4", _x264(f"{SHORT}:tff=1")),
    "h264_interlaced_ts": _plain(".ts", _x264("keyint=20:bff=1:bframes=3")),
    "h264_10_bit": _plain(".mp4", _x264(SHORT, pixel_format="yuv420p10le")),
    "h264_422": _plain(".mkv", _x264(SHORT, pixel_format="yuv422p")),
    "h264_444": _plain(".mp4", _x264(SHORT, pixel_format="yuv444p")),
    "h264_gray": _plain(".mp4", _x264(SHORT, pixel_format="gray")),
    "h264_gop_1": _plain(".mp4", _x264("keyint=1")),
    "h264_gop_1000": _plain(".mp4", _x264("keyint=1000:scenecut=0", num_frames=150)),
    "h264_slices": _plain(".mp4", _x264(f"{SHORT}:slices=4")),
    "h264_many_references": _plain(
        ".mp4", _x264("keyint=30:ref=16:bframes=5:b-adapt=2:scenecut=0")
    ),
}

_STRUCTURES: dict[str, Clip] = {
    **{
        f"h264_preset_{preset}": _plain(
            ".mp4",
            Video(
                options={"preset": preset, "crf": "26", "x264-params": "keyint=48:scenecut=0"},
                num_frames=100,
            ),
        )
        for preset in (
            *("ultrafast", "superfast", "veryfast", "faster", "fast"),
            *("medium", "slow", "slower"),
        )
    },
    "h264_one_reference": _plain(
        ".mp4", _x264("keyint=48:ref=1:bframes=0:scenecut=0", num_frames=100)
    ),
    "h264_pyramid_slices_ts": _plain(".ts", _x264("keyint=48:slices=4", num_frames=100)),
    "h264_pyramid_one_reference": _plain(
        ".mkv", _x264("keyint=48:ref=1:bframes=7:b-adapt=0:scenecut=0", num_frames=100)
    ),
    "h264_pyramid_interlaced": _plain(".mp4", _x264("keyint=48:tff=1", num_frames=100)),
}
"""What pictures may refer to, as encoders arrange it."""

_COLOURS: dict[str, Clip] = {
    "colour_full_range": _plain(
        ".mp4", _x264(SHORT, pixel_format="yuvj420p", colour={"color_range": 2}, num_frames=24)
    ),
    "colour_bt709": _plain(
        ".mp4", _x264(SHORT, colour={"colorspace": 1, "color_range": 1}, num_frames=24)
    ),
    "colour_bt2020": _plain(
        ".mp4",
        _x264(SHORT, pixel_format="yuv420p10le", colour={"colorspace": 9}, num_frames=24),
    ),
    "colour_untagged_hd": _plain(".mp4", _x264("keyint=4", width=1280, height=720, num_frames=6)),
    "colour_gbr": _plain(
        ".mkv",
        Video(codec="libx264rgb", options={"crf": "20"}, pixel_format="rgb24", num_frames=12),
    ),
}

_CODECS: dict[str, Clip] = {
    "hevc_closed_gop": _plain(".mp4", _x265("keyint=12:min-keyint=12:open-gop=0:scenecut=0")),
    "hevc_open_gop": _plain(
        ".mp4", _x265("keyint=12:min-keyint=12:open-gop=1:scenecut=0:bframes=4")
    ),
    "hevc_open_gop_mkv": _plain(".mkv", _x265("keyint=15:min-keyint=15:open-gop=1:scenecut=0")),
    "hevc_ts": _plain(".ts", _x265("keyint=12:min-keyint=12:open-gop=1:scenecut=0")),
    "hevc_10_bit": _plain(".mp4", _x265("keyint=20", pixel_format="yuv420p10le", num_frames=40)),
    "hevc_default_groups": _plain(".mov", _x265("keyint=250:bframes=4:b-pyramid=1")),
    "vp8": _plain(".webm", Video(codec="libvpx", options={**_VP8, "auto-alt-ref": "0"})),
    "vp8_alt_ref": _plain(
        ".webm", Video(codec="libvpx", options=_VP8, edit=recipes.hidden(7, 23, 24, 41))
    ),
    "vp9": _plain(".webm", Video(codec="libvpx-vp9", options={**_VP9, "auto-alt-ref": "0"})),
    "vp9_alt_ref": _plain(
        ".webm",
        Video(
            codec="libvpx-vp9", options={**_VP9, "cpu-used": "6", "g": "40", "auto-alt-ref": "1"}
        ),
    ),
    "vp9_mp4": _plain(".mp4", Video(codec="libvpx-vp9", options=_VP9, num_frames=40)),
    "av1": _plain(".mp4", Video(codec="libsvtav1", options=_AV1)),
    "av1_mkv": _plain(".mkv", Video(codec="libsvtav1", options=_AV1, num_frames=40)),
    "mpeg2_open_gop": _plain(
        ".mpg",
        Video(codec="mpeg2video", rate=Fraction(25), gop_size=12, max_b_frames=2, bit_rate=600_000),
    ),
    "mpeg2_ts": _plain(
        ".ts",
        Video(codec="mpeg2video", rate=Fraction(25), gop_size=12, max_b_frames=2, bit_rate=600_000),
    ),
    "mpeg2_closed_gop": _plain(
        ".mkv",
        Video(
            codec="mpeg2video",
            rate=Fraction(25),
            gop_size=10,
            max_b_frames=2,
            options={"flags": "+cgop", "sc_threshold": "1000000000"},
            bit_rate=600_000,
        ),
    ),
    "mpeg1": _plain(
        ".mpg", Video(codec="mpeg1video", rate=Fraction(25), gop_size=12, bit_rate=600_000)
    ),
    "mpeg4": _plain(".mp4", Video(codec="mpeg4", gop_size=12, max_b_frames=2, bit_rate=600_000)),
    "mpeg4_avi": _plain(".avi", Video(codec="mpeg4", gop_size=12, bit_rate=600_000)),
    "mpeg4_avi_b_frames": _plain(
        ".avi", Video(codec="mpeg4", gop_size=12, max_b_frames=2, bit_rate=600_000)
    ),
    "mjpeg_avi": _plain(".avi", Video(codec="mjpeg", pixel_format="yuvj420p")),
    "mjpeg_mov": _plain(".mov", Video(codec="mjpeg", pixel_format="yuvj422p")),
    "prores": _plain(".mov", Video(codec="prores_ks", pixel_format="yuv422p10le", num_frames=30)),
    "ffv1": _plain(".mkv", Video(codec="ffv1", pixel_format="yuv420p", num_frames=30, gop_size=5)),
    "ffv1_avi_odd_size": _plain(
        ".avi", Video(codec="ffv1", pixel_format="yuv444p", num_frames=30, width=131, height=77)
    ),
    "gif": _plain(
        ".gif", Video(codec="gif", rate=Fraction(10), pixel_format="rgb8", num_frames=30)
    ),
    "flv1": _plain(".flv", Video(codec="flv", gop_size=12, bit_rate=600_000)),
    "wmv2": _plain(".asf", Video(codec="wmv2", gop_size=12, bit_rate=600_000)),
    "png_mov": _plain(".mov", Video(codec="png", pixel_format="rgb24", num_frames=20)),
    "qtrle": _plain(".mov", Video(codec="qtrle", pixel_format="rgb24", num_frames=20)),
}

_CONTAINERS: dict[str, Clip] = {
    "mov": _plain(".mov", _x264(SHORT)),
    "mp4_fragmented": _plain(
        ".mp4", _x264(SHORT), muxer={"movflags": "frag_keyframe+empty_moov+default_base_moof"}
    ),
    "mp4_fragmented_per_frame": _plain(
        ".mp4", _x264(SHORT), muxer={"movflags": "frag_every_frame+empty_moov"}
    ),
    "mp4_index_first": _plain(".mp4", _x264(SHORT), muxer={"movflags": "faststart"}),
    "mkv": _plain(".mkv", _x264(SHORT)),
    "ts": _plain(".ts", _x264(SHORT)),
    "avi": _plain(".avi", _x264(f"{SHORT}:bframes=0")),
    "avi_b_frames": _plain(".avi", _x264(SHORT)),
    "flv": _plain(".flv", _x264(SHORT)),
    "mxf": _plain(
        ".mxf", Video(codec="mpeg2video", rate=Fraction(25), gop_size=12, max_b_frames=2)
    ),
    "nut": _plain(".nut", _x264(SHORT)),
    "raw_h264": _plain(".h264", _x264(SHORT, rate=Fraction(25))),
    "raw_h264_no_b_frames": _plain(".h264", _x264(f"{SHORT}:bframes=0")),
    "raw_hevc": _plain(".hevc", _x265("keyint=12:min-keyint=12", rate=Fraction(25))),
    "raw_mpeg2": _plain(
        ".m2v", Video(codec="mpeg2video", rate=Fraction(25), gop_size=12, max_b_frames=2)
    ),
    "ivf": _plain(".ivf", Video(codec="libvpx-vp9", options=_VP9, num_frames=40)),
}

_TIMES: dict[str, Clip] = {
    "rate_23_976": _plain(".mp4", _x264(SHORT, rate=_NTSC_FILM)),
    "rate_25": _plain(".mkv", _x264(SHORT, rate=Fraction(25))),
    "rate_29_97": _plain(".mp4", _x264(SHORT, rate=Fraction(30000, 1001), num_frames=95)),
    "rate_29_97_mkv": _plain(".mkv", _x264(SHORT, rate=Fraction(30000, 1001), num_frames=95)),
    "rate_30": _plain(".flv", _x264(SHORT, rate=Fraction(30))),
    "rate_50": _plain(".ts", _x264(SHORT, rate=Fraction(50), num_frames=120)),
    "rate_59_94": _plain(".mp4", _x264("keyint=30", rate=Fraction(60000, 1001), num_frames=130)),
    "rate_60": _plain(".mkv", _x264("keyint=30", rate=Fraction(60), num_frames=130)),
    "rate_half": _plain(".mp4", _x264("keyint=3", rate=Fraction(1, 2), num_frames=9)),
    "rate_one_in_five": _plain(".mkv", _x264("keyint=3", rate=Fraction(1, 5), num_frames=8)),
    "variable_mkv": _plain(".mkv", _x264(SHORT, ticks=_wobble, time_base=_MILLISECONDS)),
    "variable_mp4": _plain(".mp4", _x264(SHORT, ticks=_wobble, time_base=_MILLISECONDS)),
    "variable_webm": _plain(
        ".webm", Video(codec="libvpx-vp9", options=_VP9, ticks=_wobble, time_base=_MILLISECONDS)
    ),
    "gaps_mkv": _plain(".mkv", _x264(SHORT, ticks=_gap, time_base=_MILLISECONDS)),
    "gaps_mp4": _plain(".mp4", _x264(SHORT, ticks=_gap, time_base=_MILLISECONDS)),
    "gaps_ts": _plain(".ts", _x264(SHORT, ticks=lambda n: _gap(n) * 90, time_base=_MPEG)),
    "starts_at_one_hour_ts": _plain(".ts", _x264(SHORT, edit=recipes.shifted(Fraction(3600)))),
    "starts_at_one_hour_mkv": _plain(
        ".mkv", _x264(SHORT, rate=_NTSC_FILM, edit=recipes.shifted(Fraction(3600)))
    ),
    "starts_at_one_hour_mp4": _plain(".mp4", _x264(SHORT, edit=recipes.shifted(Fraction(3600)))),
    # 33 bits of 90 kHz end after 95443.7 s: here in the middle of the clip.
    "clock_wraps_ts": _plain(".ts", _x264(SHORT, edit=recipes.shifted(Fraction(95442)))),
    "edit_list_late_start": _plain(".mp4", _x264(SHORT, edit=recipes.shifted(Fraction(7, 10)))),
    # Ten frames stand before the edit: they are decoded, and discarded.
    "edit_list_preroll": _plain(
        ".mp4",
        _x264(SHORT, edit=recipes.shifted(Fraction(-10, 24))),
        muxer={"use_editlist": "1", "avoid_negative_ts": "disabled"},
    ),
    "edit_list_preroll_mov": _plain(
        ".mov",
        _x264("keyint=30:scenecut=0", edit=recipes.shifted(Fraction(-41, 24))),
        muxer={"use_editlist": "1", "avoid_negative_ts": "disabled"},
    ),
    # Frames 5 to 19, then 40 to 54, of one track (12288 ticks per second, movie clock of 1000).
    "edit_list_of_two_parts": _plain(
        ".mp4",
        _x264(f"{SHORT}:bframes=0"),
        then=lambda path: recipes.set_edit_list(path, [(625, 5 * 512), (625, 40 * 512)]),
    ),
    "one_frame": _plain(".mp4", _x264(num_frames=1)),
    "one_frame_mkv": _plain(".mkv", Video(codec="ffv1", num_frames=1)),
    "two_frames": _plain(".mp4", _x264(num_frames=2)),
    "two_frames_ts": _plain(".ts", _x264(num_frames=2)),
}

_SHAPES: dict[str, Clip] = {
    "odd_size_h264": _plain(".mp4", _x264(SHORT, pixel_format="yuv444p", width=131, height=77)),
    "cropped_size": _plain(".mp4", _x264(SHORT, width=150, height=90)),
    "odd_size_vp9": _plain(
        ".webm", Video(codec="libvpx-vp9", options=_VP9, width=131, height=77, num_frames=40)
    ),
    "odd_size_mpeg4": _plain(
        ".mkv", Video(codec="mpeg4", gop_size=12, width=131, height=77, bit_rate=600_000)
    ),
    "rotated_90": _plain(".mp4", _x264(SHORT), then=lambda path: recipes.rotate(path, 90)),
    "rotated_180": _plain(".mov", _x264(SHORT), then=lambda path: recipes.rotate(path, 180)),
    "rotated_270": _plain(".mp4", _x264(SHORT), then=lambda path: recipes.rotate(path, 270)),
}

_COMPANY: dict[str, Clip] = {
    "sound_mp4": _plain(".mp4", _x264(SHORT), sound="aac"),
    "sound_ts": _plain(".ts", _x264(SHORT), sound="mp2"),
    "sound_mkv": _plain(".mkv", _x264(SHORT), sound="pcm_s16le"),
    # Sound first: the picture begins 0.6 s into the file.
    "sound_before_picture": _plain(
        ".mkv", _x264(SHORT, edit=recipes.shifted(Fraction(6, 10))), sound="pcm_s16le"
    ),
    "two_video_streams": _plain(
        ".mp4",
        _x264(SHORT),
        _x264(SHORT, width=192, height=112, first_picture=500, rate=Fraction(30)),
    ),
    "two_video_streams_mkv": _plain(
        ".mkv",
        _x264("keyint=30", num_frames=40),
        Video(codec="mpeg4", width=192, height=112, first_picture=500),
    ),
    "cover_art": _plain(".mp4", _x264(SHORT), sound="aac", cover=True),
}

_TRAPS: dict[str, Clip] = {
    "no_keyframe_at_start_ts": _plain(".ts", _x264(SHORT, edit=recipes.without_first(5))),
    "no_keyframe_at_start_mkv": _plain(".mkv", _x264(SHORT, edit=recipes.without_first(5))),
    "open_gop_cut_ts": _plain(".ts", _x264(OPEN, edit=recipes.without_first(12))),
    "hevc_open_gop_cut_ts": _plain(
        ".ts",
        _x265(
            "keyint=12:min-keyint=12:open-gop=1:scenecut=0:bframes=3:b-adapt=0",
            edit=recipes.without_first(12),
        ),
    ),
    "mpeg2_open_gop_cut": _plain(
        ".mpg",
        Video(
            codec="mpeg2video",
            rate=Fraction(25),
            gop_size=12,
            max_b_frames=2,
            bit_rate=600_000,
            edit=recipes.without_first(12),
        ),
    ),
    "equal_times_mkv": _plain(
        ".mkv", _x264(f"{SHORT}:bframes=3:b-adapt=0", edit=recipes.with_equal_times(31, 32))
    ),
    "equal_times_ts": _plain(".ts", _x264(SHORT, edit=recipes.with_equal_times(30, 31))),
    "size_changes_ts": _joined(
        ".ts",
        _x264(SHORT, num_frames=30),
        _x264(
            SHORT,
            num_frames=30,
            width=192,
            height=112,
            first_picture=30,
            edit=recipes.shifted(Fraction(32, 24)),
        ),
    ),
    "size_changes_h264": _joined(
        ".h264",
        _x264(SHORT, num_frames=30),
        _x264(SHORT, num_frames=30, width=192, height=112, first_picture=30),
    ),
    "times_start_again_ts": _joined(
        ".ts", _x264(SHORT, num_frames=30), _x264(SHORT, num_frames=30, first_picture=30)
    ),
    # Pictures that nothing refers to: the rest is whole.
    "frames_lost_mkv": _plain(
        ".mkv",
        _x264(f"{SHORT}:bframes=2:b-adapt=0:b-pyramid=none", edit=recipes.without(14, 17, 18, 30)),
    ),
    # Packets 17 and 18, of the group 12 to 23.
    "reference_lost_mkv": _plain(
        ".mkv", _x264(SHORT, edit=recipes.without(17, 18)), undefined=range(13, 22)
    ),
}

# A transport stream does not say how long it should be: cut between packets it is a shorter one.
_TRAPS["ends_early_ts"] = _plain(
    ".ts", _x264(SHORT), then=lambda path: recipes.truncate(path, 0.55, unit_bytes=188)
)

_BROKEN: dict[str, Clip] = {
    "truncated_mkv": _plain(
        ".mkv", _x264(SHORT), health="truncated", then=lambda path: recipes.truncate(path, 0.55)
    ),
    "truncated_ts": _plain(
        ".ts", _x264(SHORT), health="truncated", then=lambda path: recipes.truncate(path, 0.55)
    ),
    "truncated_mp4": _plain(
        ".mp4",
        _x264(SHORT),
        muxer={"movflags": "faststart"},
        health="truncated",
        then=lambda path: recipes.truncate(path, 0.55),
    ),
    "truncated_avi": _plain(
        ".avi",
        Video(codec="mjpeg", pixel_format="yuvj420p"),
        health="truncated",
        undefined=range(29, 30),
        then=lambda path: recipes.truncate(path, 0.55),
    ),
    "truncated_fragments": _plain(
        ".mp4",
        _x264(SHORT),
        muxer={"movflags": "frag_keyframe+empty_moov"},
        health="truncated",
        then=lambda path: recipes.truncate(path, 0.55),
    ),
    "damaged_mp4": _plain(
        ".mp4", _x264(SHORT), health="damaged", then=lambda path: recipes.damage(path, 0.5, 2000)
    ),
    "damaged_mkv": _plain(
        ".mkv", _x264(SHORT), health="damaged", then=lambda path: recipes.damage(path, 0.5, 1500)
    ),
    "damaged_ts": _plain(
        ".ts", _x264(SHORT), health="damaged", then=lambda path: recipes.damage(path, 0.5, 1880)
    ),
    "damaged_ffv1": _plain(
        ".mkv",
        Video(codec="ffv1", num_frames=30),
        health="damaged",
        then=lambda path: recipes.damage(path, 0.5, 8000),
    ),
}

CLIPS: dict[str, Clip] = {
    **_H264_KINDS,
    **_STRUCTURES,
    **_COLOURS,
    **_CODECS,
    **_CONTAINERS,
    **_TIMES,
    **_SHAPES,
    **_COMPANY,
    **_TRAPS,
    **_BROKEN,
}
"""By name."""
