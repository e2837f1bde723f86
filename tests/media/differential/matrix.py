"""The files that are compared with the ffmpeg program: containers x codecs x traits.

    case = CASES["mp4-libx264-aac-turned"]
    path = case.make(directory)

Each is two seconds of moving test pictures, 64x48 at 25 per second, beside a tone of 440 Hz.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.media import recipes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

_FFMPEG = ("ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-y")
_EXACT = ("-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact", "-threads", "1")


@dataclass(frozen=True)
class Case:
    """One file."""

    name: str
    suffix: str
    video: str | None
    """Encoder; None for sound alone."""
    audio: str | None
    """Encoder; None for pictures alone."""
    trait: str = "plain"
    options: tuple[str, ...] = ()
    """Of the output, behind the encoders."""
    muxer: tuple[str, ...] = ()

    def make(self, directory: Path) -> Path:
        """Write the file, unless it is there."""
        path = directory / f"{self.name}{self.suffix}"
        if not path.exists():
            TRAITS[self.trait].make(self, path)
        return path

    def encode(self, path: Path, *, extra: Sequence[str] = (), source: str = "") -> None:
        """Run the encoders."""
        command: list[str] = [*_FFMPEG]
        if self.video:
            command += ["-f", "lavfi", "-i", source or "testsrc2=s=64x48:r=25:d=2"]
        if self.audio:
            command += ["-f", "lavfi", "-i", "sine=440:r=48000:d=2,volume=4"]
        if self.video:
            command += ["-c:v", self.video, *VIDEO_OPTIONS.get(self.video, ())]
        if self.audio:
            command += ["-c:a", self.audio, *AUDIO_OPTIONS.get(self.audio, ())]
        command += [*_EXACT, *self.options, *extra, *self.muxer, str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


@dataclass(frozen=True)
class Trait:
    """What is special about a file."""

    make: Callable[[Case, Path], None]
    loses: bool = False
    """Whether pictures or sound are missing, of which ffmpeg shows damaged ones."""


VIDEO_OPTIONS: dict[str, tuple[str, ...]] = {
    "libx264": ("-preset", "veryfast", "-g", "12", "-bf", "2", "-pix_fmt", "yuv420p"),
    "libx265": ("-preset", "ultrafast", "-x265-params", "log-level=none:keyint=12:pools=none",
                "-pix_fmt", "yuv420p"),
    "libvpx": ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-g", "12"),
    "libvpx-vp9": ("-deadline", "realtime", "-cpu-used", "8", "-b:v", "300k", "-g", "12"),
    "mpeg1video": ("-bf", "2", "-b:v", "800k"),
    "mpeg2video": ("-bf", "2", "-b:v", "800k"),
    "mpeg4": ("-bf", "2", "-b:v", "800k"),
    "libtheora": ("-q:v", "7",),
    "mjpeg": ("-pix_fmt", "yuvj420p", "-q:v", "3"),
    "ffv1": ("-pix_fmt", "yuv420p",),
    "prores": ("-pix_fmt", "yuv422p10le",),
    "rawvideo": ("-pix_fmt", "yuv420p",),
    "png": ("-pix_fmt", "rgb24",),
    "h263": ("-s", "128x96",),
    "dvvideo": ("-s", "720x576", "-pix_fmt", "yuv420p"),
}  # fmt: skip
AUDIO_OPTIONS: dict[str, tuple[str, ...]] = {
    "libopus": ("-b:a", "96k",),
    "dca": ("-strict", "-2"),
    "truehd": ("-strict", "-2"),
    "libspeex": ("-ar", "16000", "-ac", "1"),
    "nellymoser": ("-ar", "22050", "-ac", "1"),
    "g726": ("-ar", "8000", "-ac", "1"),
    "g722": ("-ar", "16000", "-ac", "1"),
    "libgsm": ("-ar", "8000", "-ac", "1"),
    "adpcm_swf": ("-ar", "22050",),
}  # fmt: skip


def _plain(case: Case, path: Path) -> None:
    case.encode(path)


def _with(*extra: str, source: str = "") -> Trait:
    return Trait(lambda case, path: case.encode(path, extra=extra, source=source))


def _joined(*offsets: str) -> Trait:
    """Recordings one behind the other, each beginning at a time of its own, in seconds."""

    def make(case: Case, path: Path) -> None:
        parts = [path.with_name(f"part{n}_{path.name}") for n in range(len(offsets))]
        for part, offset in zip(parts, offsets, strict=True):
            case.encode(part, extra=("-output_ts_offset", offset))
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        for part in parts:
            part.unlink()

    return Trait(make)


def _edited(edit: Callable[[bytes], bytes], *, loses: bool = False) -> Trait:
    def make(case: Case, path: Path) -> None:
        case.encode(path)
        path.write_bytes(edit(path.read_bytes()))

    return Trait(make, loses)


def _turned(case: Case, path: Path) -> None:
    case.encode(path)  # its option for this changes from version to version
    recipes.rotate(path, 90)


def _without_index(data: bytes) -> bytes:
    return data[: data.rindex(b"idx1")]


def _with_wrong_index(data: bytes) -> bytes:
    """Each chunk 4,000 bytes behind its place, none of them a keyframe."""
    start = data.rindex(b"idx1") + 8
    entries = bytearray(data[start:])
    for at in range(0, len(entries) // 16 * 16, 16):
        place = int.from_bytes(entries[at + 8 : at + 12], "little") + 4000
        entries[at + 4 : at + 12] = bytes(4) + place.to_bytes(4, "little")
    return data[:start] + bytes(entries)


def _cut_between_packets(data: bytes) -> bytes:
    return data[len(data) * 3 // 10 // 188 * 188 :]


TRAITS: dict[str, Trait] = {
    "plain": Trait(_plain),
    "late": _with("-output_ts_offset", "3600"),
    "wraps": _with("-output_ts_offset", "95442"),
    "uneven": _with("-vsync", "vfr", "-vf", "select='gt(mod(n,7),2)'"),
    "ntsc": _with("-r", "30000/1001"),
    "slow": _with("-r", "2"),
    "fragments": _with("-movflags", "frag_keyframe+empty_moov"),
    "index_first": _with("-movflags", "faststart"),
    "turned": Trait(_turned),
    "one_picture": _with("-frames:v", "1"),
    "intra": _with("-g", "1", "-bf", "0"),
    "open_groups": _with("-flags", "-cgop", "-x264-params", "open-gop=1:keyint=12:bframes=3"),
    "interlaced": _with("-flags", "+ildct+ilme"),
    "five_channels": _with("-ac", "6"),
    "stereo": _with("-ac", "2"),
    "low_rate": _with("-ar", "8000"),
    "high_rate": _with("-ar", "48000"),
    "jumps_ahead": _joined("0", "40000"),
    "starts_again": _joined("0", "0"),
    "goes_on": _joined("0", "2"),
    "jumps_back": _joined("40000", "100"),
    "begins_between_keyframes": _edited(_cut_between_packets, loses=True),
    "cut_off": _edited(lambda data: data[: len(data) * 6 // 10], loses=True),
    "index_lost": _edited(_without_index),
    "index_wrong": _edited(_with_wrong_index),
    "alpha_uneven": _with(
        *("-pix_fmt", "yuva420p", "-auto-alt-ref", "0", "-vsync", "vfr"),
        *("-vf", "select='gt(mod(n,7),2)',format=yuva420p,geq='lum(X,Y)':a='X*4'"),
    ),
    "side_channels": _with("-ac", "6", "-channel_layout", "5.1(side)"),
    "palette": _with("-pix_fmt", "pal8"),
    "sound_pauses": _with("-af", "aselect='not(between(t,0.5,1.2))'"),
    "junk_between": _edited(lambda data: data + bytes(range(256)) * 2 + data),
    "few_bytes_behind": _edited(lambda data: data + b"9e107d9d372bb6826bd81d3542a419d6"),
    "last_packet_cut": _edited(lambda data: data[:-100], loses=True),
}


@dataclass(frozen=True)
class _Family:
    suffix: str
    videos: str
    audios: str
    traits: str = ""
    """Beside `plain`, each with the first of the codecs and the second, where there is one."""
    muxer: tuple[str, ...] = field(default=())


_SOUNDS_MKV = "aac ac3 libmp3lame flac libopus libvorbis pcm_s16le"
_FAMILIES = [
    _Family(".mp4", "libx264 mpeg4 libx265 libvpx-vp9 mpeg2video mjpeg png",
            "aac ac3 libmp3lame eac3 flac alac libopus",
            "late uneven ntsc slow fragments index_first turned one_picture intra open_groups"
            " five_channels stereo few_bytes_behind"),
    _Family(".mov", "libx264 prores mjpeg qtrle png mpeg4 libx265",
            "pcm_s16le pcm_s24be aac alac pcm_alaw adpcm_ima_qt",
            "late uneven ntsc slow index_first turned one_picture few_bytes_behind interlaced"),
    _Family(".mov", "rpza smc svq1 cinepak cfhd v210", "", "slow uneven"),
    _Family(".avi", "msvideo1 rawvideo", "", "palette ntsc"),
    _Family(".h263", "h263", "", "ntsc"),
    _Family(".mkv", "libx264 mpeg4 libx265 mpeg2video libvpx libvpx-vp9 ffv1 mjpeg"
            " libtheora huffyuv utvideo msmpeg4v3 wmv2 rawvideo prores snow",
            f"{_SOUNDS_MKV} tta wavpack dca truehd mp2 eac3 alac",
            "late uneven ntsc slow one_picture intra open_groups five_channels stereo cut_off"),
    _Family(".webm", "libvpx-vp9 libvpx", "libopus libvorbis",
            "late uneven ntsc slow one_picture cut_off alpha_uneven"),
    _Family(".ts", "libx264 mpeg2video libx265 mpeg1video mpeg4", "mp2 aac ac3 libmp3lame eac3",
            "late wraps uneven ntsc slow one_picture intra open_groups jumps_ahead jumps_back"
            " starts_again goes_on begins_between_keyframes cut_off last_packet_cut stereo"),
    _Family(".m2ts", "libx264 mpeg2video", "ac3 mp2", "late ntsc uneven",
            ("-mpegts_m2ts_mode", "1")),
    _Family(".mpg", "libx264 libx265", "mp2", "ntsc slow one_picture intra", ("-f", "vob")),
    _Family(".mpg", "mpeg2video mpeg1video", "mp2 ac3",
            "late uneven ntsc jumps_ahead jumps_back starts_again goes_on one_picture",
            ("-f", "vob")),
    _Family(".avi", "mpeg4 libx264 mjpeg libxvid msmpeg4v2 huffyuv ffvhuff ffv1 utvideo rawvideo"
            " wmv1 zmbv cinepak asv1 png magicyuv",
            "libmp3lame pcm_s16le ac3 mp2 adpcm_ms pcm_mulaw",
            "uneven ntsc slow intra one_picture cut_off index_lost index_wrong"),
    _Family(".flv", "libx264 flv flashsv", "aac libmp3lame pcm_s16le adpcm_swf nellymoser",
            "late uneven ntsc one_picture intra"),
    _Family(".asf", "wmv2 wmv1 msmpeg4v3 mpeg4 libx264", "wmav2 wmav1 libmp3lame",
            "uneven ntsc late one_picture"),
    _Family(".ogv", "libtheora", "libvorbis libopus flac", "ntsc one_picture stereo"),
    _Family(".nut", "libx264 mpeg4 ffv1 rawvideo libvpx-vp9", "flac pcm_s16le libvorbis aac",
            "late uneven ntsc one_picture"),
    _Family(".mxf", "mpeg2video", "pcm_s16le", "high_rate"),
    _Family(".3gp", "libx264 mpeg4 h263", "aac", "uneven ntsc"),
    _Family(".wtv", "mpeg2video libx264", "mp2 ac3", "ntsc"),
    _Family(".rm", "rv10 rv20", "ac3", ""),
    _Family(".h264", "libx264", "", "intra open_groups"),
    _Family(".hevc", "libx265", "", ""),
    _Family(".m2v", "mpeg2video", "", "ntsc"),
    _Family(".m1v", "mpeg1video", "", ""),
    _Family(".ivf", "libvpx libvpx-vp9", "", "uneven"),
    _Family(".y4m", "wrapped_avframe", "", "ntsc"),
    _Family(".dv", "dvvideo", "pcm_s16le", ""),
    *(
        _Family(suffix, "", audio, "stereo low_rate")
        for suffix, audio in [
            (".wav", "pcm_s16le pcm_u8 pcm_s24le pcm_f32le pcm_alaw adpcm_ms adpcm_ima_wav"),
            *((".w64", "pcm_s16le"), (".aiff", "pcm_s16be"), (".au", "pcm_s16be")),
            *((".caf", "pcm_s16be alac"), (".flac", "flac"), (".mp3", "libmp3lame")),
            *((".m4a", "aac alac"), (".aac", "aac"), (".ac3", "ac3"), (".mp2", "mp2")),
            *((".ogg", "libvorbis flac"), (".wma", "wmav2"), (".wv", "wavpack")),
            (".mka", "pcm_s16le tta wavpack pcm_mulaw"),
        ]
    ),
    _Family(".opus", "", "libopus", "stereo"),
    *(
        _Family(suffix, "", audio, "sound_pauses")
        for suffix, audio in [(".mka", "pcm_s16le flac"), (".m4a", "aac"), (".ts", "mp2")]
    ),
    *(
        _Family(suffix, "", audio, "junk_between")
        for suffix, audio in [(".ac3", "ac3"), (".mp3", "libmp3lame"), (".aac", "aac")]
    ),
    _Family(".m4a", "", "aac", "side_channels"),
    _Family(".spx", "", "libspeex", ""),
    _Family(".tta", "", "tta", ""),
    _Family(".dts", "", "dca", ""),
    _Family(".eac3", "", "eac3", "stereo five_channels"),
]  # fmt: skip


def _cases() -> Iterator[Case]:
    for family in _FAMILIES:
        videos: list[str | None] = [*family.videos.split()] or [None]
        audios: list[str | None] = [*family.audios.split()] or [None]
        pairs = list(dict.fromkeys(zip(_repeated(videos, audios), _repeated(audios, videos))))  # noqa: B905 - of one length
        for video, audio in pairs:
            yield _case(family, video, audio, "plain")
        for trait in family.traits.split():
            for video, audio in pairs[:2]:
                if trait != "open_groups" or video == "libx264":
                    yield _case(family, video, audio, trait)


def _repeated(names: list[str | None], others: list[str | None]) -> list[str | None]:
    """The names, from the beginning again until there are as many as of the others."""
    return [names[n % len(names)] for n in range(max(len(names), len(others)))]


def _case(family: _Family, video: str | None, audio: str | None, trait: str) -> Case:
    words = [family.suffix[1:], video, audio, trait]
    name = "-".join(word for word in words if word)
    return Case(name, family.suffix, video, audio, trait, muxer=family.muxer)


CASES = {case.name: case for case in _cases()}
"""By name."""
