from __future__ import annotations

import io
import os
import socket
import tarfile
import zipfile
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from common_ml.errors import MediaError, MissingMediaError, UnknownMediaError
from common_ml.media import decode
from common_ml.media.kinds import kind_by_name, media_kind
from common_ml.media.media_file import MediaFile, open_container

if TYPE_CHECKING:
    from pathlib import Path

RANDOM = np.random.default_rng(3)


def clip(path: Path, container: str, *, video: str = "", audio: str = "", cover: str = "") -> Path:
    """Write a second of what is asked for."""
    with av.open(str(path), "w", format=container) as output:
        packets = picture_packets(output, video) if video else []
        if cover:
            stream: Any = output.add_stream(cover, rate=1)
            stream.disposition = av.stream.Disposition.attached_pic.value
            packets += picture_packets(output, cover, stream)
        if audio:
            sound: Any = output.add_stream(audio, rate=48_000, layout="stereo")
            sound.codec_context.open()
            size = sound.codec_context.frame_size or 4800
            for first in range(0, 48_000, size):
                silence = np.zeros((1, 2 * size), np.int16)
                frame = av.AudioFrame.from_ndarray(silence, format="s16", layout="stereo")
                frame.sample_rate, frame.pts = 48_000, first
                packets += sound.encode(frame)
            packets += sound.encode(None)
        for packet in packets:
            output.mux(packet)
    return path


def picture_packets(output: Any, codec: str, stream: Any = None) -> list[Any]:
    num_frames = 10 if stream is None else 1
    stream = stream or output.add_stream(codec, rate=25)
    stream.codec_context.thread_count = 1  # libvpx hangs now and then with more
    stream.width, stream.height = 64, 48
    stream.pix_fmt = {"mjpeg": "yuvj420p"}.get(codec, "yuv420p")
    packets: list[Any] = []
    for n in range(num_frames):
        rgb = np.full((48, 64, 3), n * 20, np.uint8)
        frame = av.VideoFrame.from_ndarray(rgb, format="rgb24").reformat(format=stream.pix_fmt)
        frame.pts = n
        packets += stream.encode(frame)
    packets += stream.encode(None)
    return packets


class TestByContent:
    @pytest.mark.parametrize(
        ("container", "codec"),
        [("mp4", "libx264"), ("mov", "mpeg4"), ("matroska", "libx264"), ("webm", "libvpx"),
         ("mpegts", "mpeg2video"), ("vob", "mpeg2video"), ("mxf", "mpeg2video"), ("avi", "mpeg4"),
         ("flv", "flv"), ("rm", "rv10"), ("h264", "libx264"), ("mpeg2video", "mpeg2video"),
         ("ivf", "libvpx"), ("yuv4mpegpipe", "rawvideo"), ("nut", "ffv1"), ("asf", "mpeg4")],
    )  # fmt: skip
    @pytest.mark.parametrize("name", ["clip", "clip.jpg", "clip.mp3", "clip.txt"])
    def test_a_video_by_any_name(
        self, tmp_path: Path, container: str, codec: str, name: str
    ) -> None:
        assert media_kind(clip(tmp_path / name, container, video=codec)) == "video"

    @pytest.mark.parametrize(
        ("container", "codec"),
        [("mp4", "aac"), ("matroska", "libopus"), ("mpegts", "aac"), ("wav", "pcm_s16le"),
         ("flac", "flac"), ("mp3", "libmp3lame"), ("adts", "aac"), ("ogg", "libopus"),
         ("aiff", "pcm_s16be"), ("au", "pcm_s16be"), ("ac3", "ac3"), ("mov", "pcm_s16le")],
    )  # fmt: skip
    @pytest.mark.parametrize("name", ["sound", "sound.mp4", "sound.png"])
    def test_sound_by_any_name(self, tmp_path: Path, container: str, codec: str, name: str) -> None:
        assert media_kind(clip(tmp_path / name, container, audio=codec)) == "audio"

    @pytest.mark.parametrize(
        ("container", "codec"), [("mp3", "libmp3lame"), ("flac", "flac"), ("mp4", "aac")]
    )
    def test_cover_art_makes_no_video(self, tmp_path: Path, container: str, codec: str) -> None:
        path = clip(tmp_path / "song.mp4", container, audio=codec, cover="mjpeg")
        with av.open(str(path)) as file:
            assert len(file.streams.video) == 1
        assert media_kind(path) == "audio"

    def test_a_video_with_sound_is_a_video(self, tmp_path: Path) -> None:
        assert media_kind(clip(tmp_path / "a.mp3", "mp4", video="mpeg4", audio="aac")) == "video"

    @pytest.mark.parametrize(
        "kind",
        [
            "JPEG",
            "PNG",
            "GIF",
            "WEBP",
            "TIFF",
            "BMP",
            "JPEG2000",
            "AVIF",
            "PPM",
            "PCX",
            "SGI",
            "DDS",
        ],
    )
    @pytest.mark.parametrize("name", ["picture", "picture.mp4", "picture.txt"])
    def test_an_image_by_any_name(self, tmp_path: Path, kind: str, name: str) -> None:
        Image.new("RGB", (20, 10), "red").save(tmp_path / name, kind)
        assert media_kind(tmp_path / name) == "image"

    @pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
    def test_animated_and_multi_page_files_are_images(self, tmp_path: Path, kind: str) -> None:
        pages = [Image.new("RGB", (20, 10), colour) for colour in ("red", "green", "blue")]
        pages[0].save(tmp_path / "a", kind, save_all=True, append_images=pages[1:])
        assert media_kind(tmp_path / "a") == "image"

    def test_a_stream_of_jpegs_is_a_video(self, tmp_path: Path) -> None:
        assert media_kind(clip(tmp_path / "a.mjpeg", "mjpeg", video="mjpeg")) == "video"

    def test_a_stream_of_jpegs_that_ffmpeg_takes_for_one_picture_is_a_video(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "camera.mjpg"
        for number in range(6):
            file = io.BytesIO()
            noise = np.random.RandomState(number).randint(0, 256, (480, 640, 3)).astype(np.uint8)
            Image.fromarray(noise).save(file, "JPEG")
            with path.open("ab") as stream:
                stream.write(file.getvalue())
        with av.open(str(path)) as container:
            assert container.format.name == "jpeg_pipe"
        assert media_kind(path) == "video"
        with decode.sample(path, fps=5) as frames:
            assert [(frame.index, frame.seconds) for frame in frames] == [(0, 0.0), (5, 0.2)]

    @pytest.mark.parametrize("name", ["clip:1.mp4", "clip-%03d.mp4", "ü 例", "-", "\udcff.mp4"])
    def test_any_name_is_a_name(self, tmp_path: Path, name: str) -> None:
        clip(tmp_path / "a", "mp4", video="mpeg4").rename(tmp_path / name)
        assert media_kind(os.fspath(tmp_path / name)) == "video"

    def test_jpeg_and_png_are_known_without_a_demuxer(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delattr(MediaFile, "open")
        for kind in ("JPEG", "PNG"):
            Image.new("RGB", (20, 10)).save(tmp_path / kind, kind)
            assert media_kind(tmp_path / kind) == "image"


TEXTS = {
    "words": b"hello world\n" * 50,
    "one letter": b"a",
    "html": b"<!DOCTYPE html>\n<html><body>404</body></html>",
    "json": b'{"type": "tag"}\n' * 500,
    "latin-1": "Grüße aus Köln\n".encode("latin-1") * 9,
    "utf-16": ("Grüße aus Köln\n" * 9).encode("utf-16"),
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "subtitles": b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n" * 9,
    "vtt": b"WEBVTT\n\n00:01.000 --> 00:02.000\nHello\n",
    "ansi": b"\x1b[31mred\x1b[0m\r\n" * 50,
}


class TestNoMedia:
    @pytest.mark.parametrize("name", ["a", "a.mp4", "a.ts", "a.jpg", "a.mp3", "a.bin"])
    @pytest.mark.parametrize("text", TEXTS)
    def test_text_is_unknown_whatever_its_name(self, tmp_path: Path, text: str, name: str) -> None:
        (tmp_path / name).write_bytes(TEXTS[text])
        assert media_kind(tmp_path / name) == "unknown"

    @pytest.mark.parametrize("name", ["list.m3u8", "list.txt", "list.sdp", "list.mp4", "list"])
    @pytest.mark.parametrize(
        "text",
        ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nreal.ts\n#EXT-X-ENDLIST\n",
         "ffconcat version 1.0\nfile real.ts\n",
         "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 9 RTP/AVP 96\n",
         '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"></MPD>\n'],
    )  # fmt: skip
    def test_playlists_are_not_followed(self, tmp_path: Path, text: str, name: str) -> None:
        clip(tmp_path / "real.ts", "mpegts", video="mpeg2video")
        (tmp_path / name).write_text(text)
        assert media_kind(tmp_path / name) == "unknown"
        with pytest.raises(MediaError):
            open_container(tmp_path / name)

    def test_a_playlist_is_refused_by_the_demuxers_too(self, tmp_path: Path) -> None:
        (tmp_path / "a.mp4").write_text("ffconcat version 1.0\nfile real.ts\n")
        said = r"a\.mp4' is neither picture, video nor sound, but a playlist \(ffconcat\)"
        with pytest.raises(UnknownMediaError, match=said):
            open_container(tmp_path / "a.mp4")

    @pytest.mark.parametrize("name", ["a", "a.mp4", "a.mp3"])
    def test_archives_are_unknown_even_with_media_inside(self, tmp_path: Path, name: str) -> None:
        song = clip(tmp_path / "song", "mp3", audio="libmp3lame")
        with zipfile.ZipFile(tmp_path / f"zip {name}", "w") as archive:
            archive.write(song)
        with tarfile.open(tmp_path / f"tar {name}", "w") as archive_of_tapes:
            archive_of_tapes.add(song)
        (tmp_path / f"pdf {name}").write_bytes(b"%PDF-1.7\n\0" + song.read_bytes())
        for kind in ("zip", "tar", "pdf"):
            assert media_kind(tmp_path / f"{kind} {name}") == "unknown"

    def test_a_directory_is_unknown(self, tmp_path: Path) -> None:
        assert media_kind(tmp_path) == "unknown"

    def test_a_pipe_or_socket_is_unknown_and_does_not_block(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "a.mp4")
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(tmp_path / "b.mp4"))
            assert media_kind(tmp_path / "a.mp4") == media_kind(tmp_path / "b.mp4") == "unknown"

    def test_a_missing_file_is_an_error(self, tmp_path: Path) -> None:
        with pytest.raises(MissingMediaError, match=r"no such file: .*a\.mp4"):
            media_kind(tmp_path / "a.mp4")

    @given(data=st.binary(max_size=300))
    def test_junk_never_raises(self, data: bytes, tmp_path_factory: pytest.TempPathFactory) -> None:
        path = tmp_path_factory.getbasetemp() / "junk"
        path.write_bytes(data)
        assert media_kind(path) in {"image", "video", "audio", "unknown"}


class TestByName:
    """Where the content says nothing, so that the error that follows is about the right thing."""

    @pytest.mark.parametrize(
        ("name", "kind"),
        [("a.mp4", "video"), ("a.MOV", "video"), ("a.wav", "audio"), ("a.png", "image"),
         ("a.xyz", "unknown"), ("a", "unknown")],
    )  # fmt: skip
    def test_empty_and_damaged_files(self, tmp_path: Path, name: str, kind: str) -> None:
        path = tmp_path / name
        for data in (b"", bytes(5000), RANDOM.bytes(5000)):
            path.write_bytes(data)
            assert media_kind(path) == kind

    def test_a_video_whose_index_is_cut_off(self, tmp_path: Path) -> None:
        path = clip(tmp_path / "a.mp4", "mp4", video="mpeg4")
        path.write_bytes(path.read_bytes()[:1000])
        assert media_kind(path) == "video"

    def test_the_file_need_not_exist(self) -> None:
        assert kind_by_name("no/such/clip.MKV") == "video"
