"""No path and no file content makes the reader open another file or address.

The kernel reports every opening of the secret file (inotify), and a listener every connection.
"""

# ruff: noqa: E501 - playlists and addresses are as long as they are

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.errors import MediaError
from common_ml.media.audio import audio_windows, read_audio
from common_ml.media.decode import frames, frames_at, keyframes, sample
from common_ml.media.images import read_image
from common_ml.media.kinds import media_kind
from common_ml.media.probe import probe
from common_ml.media.remux import remux_to_mp4
from tests.media import bad_media
from tests.soak.bad_media import MAIN
from tests.tagging.child import Child

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

IN_OPEN, IN_ACCESS = 0x20, 0x01

PROTOCOLS = ["async", "bluray", "cache", "concat", "concatf", "crypto", "data", "fd", "ffrtmpcrypt", "ffrtmphttp", "file", "ftp", "gopher", "gophers", "hls", "http", "httpproxy", "https", "icecast", "ipfs", "ipns", "md5", "mmsh", "mmst", "pipe", "prompeg", "rist", "rtmp", "rtmpe", "rtmps", "rtmpt", "rtmpte", "rtmpts", "rtp", "rtsp", "sctp", "sdp", "sftp", "smb", "srt", "srtp", "subfile", "tcp", "tee", "tls", "udp", "udplite", "unix", "zmq"]  # fmt: skip
"""Every protocol of FFmpeg."""


class Doors:
    """A secret file and a listener, and whether either was touched."""

    def __init__(self, directory: Path) -> None:
        self.secret = bad_media.good_clip("ts", directory / "secret")
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._watch: int = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        name = os.fsencode(self.secret)
        assert self._libc.inotify_add_watch(self._watch, name, IN_OPEN | IN_ACCESS) >= 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def num_openings(self) -> int:
        """Of the secret, since this was last asked."""
        try:
            return len(os.read(self._watch, 1 << 16)) // struct.calcsize("iIII")
        except BlockingIOError:
            return 0

    def num_contacts(self) -> int:
        """Connections that wait to be accepted: they would be there at once, on the loopback."""
        num = 0
        while select.select([self._listener], [], [], 0)[0]:
            self._listener.accept()[0].close()
            num += 1
        return num

    def close(self) -> None:
        os.close(self._watch)
        self._listener.close()


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    (tmp_path / "secret").mkdir()
    doors = Doors(tmp_path)
    yield doors
    doors.close()


def test_the_watches_see_what_they_watch(doors: Doors) -> None:
    """Else nothing below would show anything."""
    assert doors.num_openings() == 0
    assert media_kind(doors.secret) == "video"
    assert doors.num_openings() > 0
    assert doors.num_contacts() == 0
    host, port = doors.address.split(":")
    with socket.create_connection((host, int(port))):
        assert doors.num_contacts() == 1


def addresses(doors: Doors) -> list[str]:
    """Paths that are addresses, to FFmpeg."""
    secret, host = doors.secret, doors.address
    plain = [f"{protocol}:{secret}" for protocol in PROTOCOLS]
    remote = [f"{protocol}://{host}/a.mp4" for protocol in PROTOCOLS]
    nested = [f"{protocol}:http://{host}/a.ts" for protocol in PROTOCOLS]
    special = [
        f"subfile,,start,0,end,0,,:{secret}", f"concat:{secret}|{secret}", f"crypto+http://{host}/a",
        f"cache:http://{host}/a", f"async:file:{secret}", f"hls+http://{host}/a.m3u8",
        f"file://{secret}", f"FILE:{secret}", "pipe:0", "-", "pipe:", "fd:0",
        "data:image/png;base64,iVBORw0KGgo=", f"file,,:{secret}", f"tcp://{host}?listen=0",
    ]  # fmt: skip
    return [*plain, *remote, *nested, *special]


READERS: dict[str, Callable[[str], object]] = {
    "media_kind": media_kind,
    "probe": probe,
    "read_image": read_image,
    "sample": lambda path: list(sample(path, fps=1)),
    "frames": lambda path: list(frames(path, [0])),
    "frames_at": lambda path: list(frames_at(path, [0])),
    "keyframes": lambda path: list(keyframes(path)),
    "read_audio": read_audio,
    "audio_windows": lambda path: list(audio_windows(path, window_seconds=1)),
}


@pytest.mark.parametrize("reader", READERS)
def test_an_address_is_no_path(
    doors: Doors, tmp_path: Path, reader: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for address in addresses(doors):
        with pytest.raises(MediaError, match="no such file: "):
            READERS[reader](address)
    assert (doors.num_openings(), doors.num_contacts()) == (0, 0)


def test_a_file_of_such_a_name_is_that_file(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = bad_media.good_clip("mkv", tmp_path).read_bytes()
    for name in (
        "concat:x",
        "http:x",
        "file:x.mp4",
        "pipe:0",
        "data:,x",
        "subfile,,start,0,end,9,,:x",
    ):
        (tmp_path / name).write_bytes(content)
        assert len(list(sample(name, fps=2))) == 5
    assert (doors.num_openings(), doors.num_contacts()) == (0, 0)


def scripts(doors: Doors) -> dict[str, bytes]:
    """Files that name other files or addresses, each twice."""
    texts: dict[str, str] = {}
    for kind, target in (("file", str(doors.secret)), ("http", f"http://{doors.address}/a.ts")):
        texts |= {
            f"m3u8_{kind}": f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{target}\n#EXT-X-ENDLIST\n",
            f"m3u8_key_{kind}": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXT-X-KEY:METHOD=AES-128,"
            f'URI="{target}"\n#EXTINF:9,\na.ts\n#EXT-X-ENDLIST\n',
            f"m3u8_master_{kind}": f"#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\n{target}\n",
            f"ffconcat_{kind}": f"ffconcat version 1.0\nfile {target}\n",
            f"concat_list_{kind}": f"file '{target}'\n",
            f"mpd_{kind}": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"'
            ' type="static" profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet>'
            f'<Representation id="1" mimeType="video/mp4"><BaseURL>{target}</BaseURL>'
            "</Representation></AdaptationSet></Period></MPD>",
            f"imf_{kind}": '<?xml version="1.0"?>\n<CompositionPlaylist xmlns="http://www.smpte-ra.org'
            f'/schemas/2067-3/2016"><Id>urn:uuid:0</Id><Path>{target}</Path></CompositionPlaylist>',
            f"pls_{kind}": f"[playlist]\nNumberOfEntries=1\nFile1={target}\n",
            f"asx_{kind}": f'<asx version="3.0"><entry><ref href="{target}"/></entry></asx>',
            f"ram_{kind}": f"{target}\n",
            f"smil_{kind}": f'<smil><body><video src="{target}"/></body></smil>',
            f"svg_{kind}": f'<svg xmlns="http://www.w3.org/2000/svg"><image href="{target}"/></svg>',
            f"xspf_{kind}": f"<playlist><trackList><track><location>{target}</location></track>"
            "</trackList></playlist>",
            f"ffmetadata_{kind}": f";FFMETADATA1\ntitle=x\nfile={target}\n[CHAPTER]\nSTART=0\nEND=1\n",
            f"vobsub_{kind}": f"# VobSub index file, v7 (do not modify this line!)\n# {target}\n"
            "timestamp: 00:00:00:000, filepos: 000000000\n",
            f"avs_{kind}": f'DirectShowSource("{target}")\n',
            f"lavfi_{kind}": f"movie={target}\n",
        }
    host, port = doors.address.split(":")
    texts["sdp"] = (
        f"v=0\no=- 0 0 IN IP4 {host}\ns=x\nc=IN IP4 {host}\nt=0 0\nm=video {port} TCP/RTP/AVP 96\n"
        "a=rtpmap:96 H264/90000\n"
    )
    texts["rtsp_sdp"] = f"v=0\ns=x\na=control:rtsp://{doors.address}/a\nm=video 0 RTP/AVP 96\n"
    plain = {name: text.encode() for name, text in texts.items()}
    hidden = {f"{name}_after_blanks": b"\xef\xbb\xbf\n \n" + text for name, text in plain.items()}
    padded = {f"{name}_and_nuls": text + bytes(3000) for name, text in plain.items()}
    return {**plain, **hidden, **padded, **references(doors)}


def references(doors: Doors) -> dict[str, bytes]:
    """Media files that refer to others in their structure."""
    target = os.fsencode(doors.secret)
    address = f"http://{doors.address}/a.mov".encode()
    found = {}
    for kind, reference in (("file", b"file://" + target), ("http", address)):
        found[f"mov_reference_{kind}"] = _box(b"ftyp", b"qt  \0\0\0\0qt  ") + _box(
            b"moov",
            _box(b"rmra", _box(b"rmda", _box(b"rdrf", bytes(4) + b"url "
                 + struct.pack(">I", len(reference) + 1) + reference + b"\0"))),
        )  # fmt: skip
    clip = bad_media.good_clip("mov", doors.secret.parent).read_bytes()
    self_contained = _box(b"url ", b"\0\0\0\1")
    assert self_contained in clip
    for kind, entry in (
        ("url", _box(b"url ", bytes(4) + address + b"\0")),
        ("alis", _alias(target)),
    ):
        found[f"mov_dref_{kind}"] = _grown(clip, self_contained, entry)
    linked = bad_media.good_clip("mkv", doors.secret.parent).read_bytes()
    found["mkv_linked"] = linked.replace(b"Lavf", b"\x3e\x83\xbb\x81", 1)  # NextFilename
    return found


def _alias(target: bytes) -> bytes:
    """A Macintosh alias record with the absolute path in it (field 18), as FFmpeg reads it."""
    body = bytearray(150)
    body[6:8] = b"\0\2"
    path = struct.pack(">hH", 18, len(target)) + target + b"\0" * (len(target) % 2)
    return _box(b"alis", bytes(4) + bytes(body) + path + struct.pack(">hH", -1, 0))


def _grown(data: bytes, old: bytes, new: bytes) -> bytes:
    """A movie whose `moov` stands at the end, with one box in it replaced by a longer one."""
    out = bytearray(data)
    at = data.index(old)
    for name in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        size_at = data.rindex(name, 0, at) - 4
        (size,) = struct.unpack_from(">I", data, size_at)
        struct.pack_into(">I", out, size_at, size + len(new) - len(old))
    out[at : at + len(old)] = new
    return bytes(out)


def _box(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body) + 8) + name + body


@pytest.mark.parametrize("extension", ["mp4", "m3u8", "txt", "sdp", "png", "wav", "mov", ""])
def test_scripts_and_references_are_not_followed(
    doors: Doors, tmp_path: Path, extension: str
) -> None:
    written = {}
    for name, content in scripts(doors).items():
        written[name] = tmp_path / f"{name}.{extension}"
        written[name].write_bytes(content)
    doors.num_openings()  # the references were made of a copy
    for name, path in written.items():
        for reader, read in READERS.items():
            result = outcome_of(read, str(path))
            if not name.startswith(("mov_", "mkv_linked")) and reader != "media_kind":
                assert isinstance(result, MediaError), (name, reader)
            assert doors.num_openings() == 0, (name, reader)
            assert doors.num_contacts() == 0, (name, reader)


def outcome_of(read: Callable[[str], object], path: str) -> object:
    try:
        return read(path)
    except MediaError as error:
        return error


def test_a_copy_into_mp4_follows_nothing_either(doors: Doors, tmp_path: Path) -> None:
    for name, content in scripts(doors).items():
        (tmp_path / name).write_bytes(content)
        doors.num_openings()
        outcome_of(lambda path: remux_to_mp4(path, f"{path}.mp4"), str(tmp_path / name))
        assert (doors.num_openings(), doors.num_contacts()) == (0, 0), name


@pytest.mark.parametrize("kind", ["frames", "sound"])
def test_a_whole_tagger_follows_nothing(doors: Doors, tmp_path: Path, kind: str) -> None:
    main = tmp_path / "main.py"
    main.write_text(MAIN if kind == "frames" else HEARS)
    paths = addresses(doors)
    for name, content in scripts(doors).items():
        paths.append(str(tmp_path / f"{name}.mp4"))
        (tmp_path / f"{name}.mp4").write_bytes(content)
    doors.num_openings()
    with Child(main, params='{"continue_on_error": true}', cwd=tmp_path) as tagger:
        tagger.send(*paths)
        outcome = tagger.finish()
    assert outcome.status == 0
    ends = [ends_of(message) for message in outcome.messages if message["type"] != "tag"]
    assert sorted(source for source, _ in ends) == sorted(paths)
    assert (doors.num_openings(), doors.num_contacts()) == (0, 0)
    for source, text in ends:
        assert text or "dref" in source or "linked" in source


HEARS = """
from common_ml import AVModel, Tag, catch_errors, run_default
from common_ml.media.audio import read_audio

class Hears(AVModel):
    def tag(self, fpath):
        return [Tag(tag=str(len(read_audio(fpath))))]

if __name__ == "__main__":
    with catch_errors():
        run_default(Hears())
"""


def ends_of(message: dict[str, Any]) -> tuple[str, str]:
    """The file, and the error if there is one."""
    return message["data"]["source_media"], message["data"].get("message", "")
