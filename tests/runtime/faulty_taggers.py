"""A good tagger that knows nothing of common-ml, and many bad ones: one edit each."""

from __future__ import annotations

from dataclasses import dataclass

GOOD = """\
import json, os, signal, struct, sys

def option(name):
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None

def write(kind, **data):
    os.write(output, (json.dumps({"type": kind, "data": data}) + "\\n").encode())

def tag(path):
    with open(path, "rb") as file:
        data = file.read()
    header = data.find(b"mvhd") + 16
    if data[4:8] != b"ftyp":
        raise ValueError(f"{path} is no mp4")
    rate, length = struct.unpack(">II", data[header : header + 8])
    for start in range(0, length * 1000 // rate, 500):
        frame = {"frame_idx": start * 24 // 1000, "box": dict(x1=0.1, y1=0.2, x2=0.5, y2=0.6)}
        yield dict(start_time=start, end_time=start + 400, tag=f"{length}", frame_info=frame)

signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
output = os.open(option("--output-path"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
try:
    params = json.loads(option("--params") or "{}")
    if not isinstance(params, dict): raise ValueError("--params must be an object")
    if params.keys() - {"continue_on_error"}: raise ValueError(f"unknown params: {params}")
    if params.get("continue_on_error", False) not in (True, False): raise ValueError("no flag")
except ValueError as error:
    write("error", message=str(error), source_media=None)
    sys.exit(1)
for line in open(0, encoding="utf-8"):
    path = line.rstrip("\\n")
    try:
        for found in tag(path): write("tag", source_media=path, track="", **found)
        write("progress", source_media=path)
    except (OSError, ValueError) as error:
        write("error", message=str(error), source_media=path)
        if not params.get("continue_on_error"): sys.exit(1)
"""
"""It tags each half second of an mp4 file, in plain Python."""


@dataclass(frozen=True)
class Fault:
    """One edit that makes the good tagger a bad one."""

    name: str
    caught_by: str
    """The check that is meant for it."""
    old: str
    """What the edit replaces in `GOOD`; it stands there once."""
    new: str
    also: tuple[str, ...] = ()
    """Other checks whose sentence of the contract it breaks, or may break, as well."""

    hangs: bool = False
    """Whether it, or whoever reads it, waits in vain."""

    @property
    def source(self) -> str:
        """The faulty program."""
        assert GOOD.count(self.old) == 1, f"{self.name}: {self.old!r} must stand once in GOOD"
        return GOOD.replace(self.old, self.new)


_LOOP = 'for line in open(0, encoding="utf-8"):\n'
_PATH = '    path = line.rstrip("\\n")\n'
_WRITE = '    os.write(output, (json.dumps({"type": kind, "data": data}) + "\\n").encode())\n'
_TAG_LINE = '        for found in tag(path): write("tag", source_media=path, track="", **found)\n'
_PROGRESS = '        write("progress", source_media=path)\n'
_FAILED = '        write("error", message=str(error), source_media=path)\n'
_LAST = '        if not params.get("continue_on_error"): sys.exit(1)\n'
_BAD_PARAMS = '    write("error", message=str(error), source_media=None)\n'
_TIMES = "dict(start_time=start, end_time=start + 400, "
_BOX = "dict(x1=0.1, y1=0.2, x2=0.5, y2=0.6)"
_SIGNAL = "signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))\n"
_OPEN = 'output = os.open(option("--output-path"), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)\n'
_NO_MP4 = '    if data[4:8] != b"ftyp":\n'
_FILES = ("missing-file", "corrupt-file", "continue-on-error")

FAULTS = (
    # -- how it starts
    Fault("params must be there", "starts", ' or "{}"', ""),
    Fault(
        "output only with params", "starts", _OPEN, _OPEN + "if len(sys.argv) < 4: sys.exit(2)\n"
    ),
    Fault(
        "weights beside the caller",
        "working-directory",
        _SIGNAL,
        'open("main.py").close()\n' + _SIGNAL,
    ),
    Fault(
        "strict arguments",
        "unknown-arguments",
        _SIGNAL,
        'if len(sys.argv) > 5: sys.exit("usage: ...")\n' + _SIGNAL,
    ),
    Fault(
        "strays are files",
        "unknown-arguments",
        _SIGNAL,
        'if "stray" in sys.argv: open("stray")\n' + _SIGNAL,
    ),
    Fault(
        "tags on stdout",
        "stdout",
        _WRITE,
        '    if kind == "tag": print(json.dumps({"type": kind, "data": data}))\n    else:\n    '
        + _WRITE,
    ),
    # -- its input
    Fault(
        "wants a first file",
        "empty-input",
        _LOOP,
        "lines = open(0, encoding='utf-8')\nfirst = [next(lines)]\nimport itertools\n"
        "for line in itertools.chain(first, lines):\n",
    ),
    Fault(
        "complains of no files",
        "empty-input",
        _LAST,
        _LAST
        + 'if "path" not in globals(): write("error", message="no files", source_media=None)\n',
    ),
    Fault(
        "reads all of stdin first",
        "late-lines",
        _LOOP,
        "for line in sys.stdin.read().splitlines():\n",
        hangs=True,
    ),
    Fault(
        "never flushes",
        "late-lines",
        _WRITE,
        '    lines.append(json.dumps({"type": kind, "data": data}) + "\\n")\n'
        "    atexit.unregister(flush); atexit.register(flush)\n"
        'def flush():\n    os.write(output, "".join(lines).encode())\nlines = []; import atexit\n',
        hangs=True,
    ),
    Fault(
        "one file and away", "late-lines", _LAST, _LAST + "    break\n", also=("continue-on-error",)
    ),
    Fault("status 3 at the end", "end-of-input", _LAST, _LAST + "sys.exit(3)\n"),
    Fault(
        "a thread goes on",
        "end-of-input",
        _LAST,
        _LAST + "import threading\nthreading.Event().wait()\n",
        hangs=True,
    ),
    Fault(
        "first line of a read",
        "together",
        _LOOP,
        'for line in iter(lambda: os.read(0, 65536).decode().partition("\\n")[0], ""):\n',
        also=("continue-on-error",),
    ),
    Fault("words of a line", "odd-names", "with open(path, ", "with open(path.split()[0], "),
    Fault("ASCII only", "odd-names", "with open(path, ", 'with open(path.encode("ascii"), '),
    Fault(
        "percent decoded",
        "odd-names",
        "with open(path, ",
        'with open(__import__("urllib.parse").parse.unquote(path.replace("%", "%25%25")), ',
    ),
    Fault(
        "cached by stem",
        "same-stem",
        _TAG_LINE,
        "        stem = os.path.splitext(path)[0]\n"
        '        tags = globals().setdefault("memory", {}).setdefault(stem, [*tag(path)])\n'
        '        for found in tags: write("tag", source_media=path, track="", **found)\n',
        also=("times-within-file", "frame-index"),
    ),
    Fault(
        "a stem once",
        "same-stem",
        _PATH,
        _PATH + "    stem = os.path.splitext(path)[0]\n"
        '    if stem in globals().setdefault("seen", set()): continue\n    seen.add(stem)\n',
        also=("progress",),
        hangs=True,
    ),
    Fault(
        "absolute names",
        "exact-names",
        _TAG_LINE,
        _TAG_LINE.replace("media=path", "media=os.path.abspath(path)"),
    ),
    Fault(
        "base names in progress",
        "exact-names",
        _PROGRESS,
        _PROGRESS.replace("media=path", "media=os.path.basename(path)"),
    ),
    Fault(
        "a name made up",
        "exact-names",
        _PROGRESS,
        _PROGRESS
        + '        write("error", message="slow", source_media="media/" + str(len(path)))\n',
    ),
    Fault(
        "a picture that lasts",
        "picture",
        _NO_MP4,
        '    if data[1:4] == b"PNG": yield dict(start_time=0, end_time=1000, tag="picture")\n'
        '    if data[1:4] == b"PNG": return\n' + _NO_MP4,
    ),
    Fault(
        "dies of pictures",
        "picture",
        _NO_MP4,
        '    if data[1:4] == b"PNG": os._exit(3)\n' + _NO_MP4,
    ),
    Fault("no progress", "progress", _PROGRESS, "", hangs=True),
    Fault("progress twice", "progress", _PROGRESS, _PROGRESS * 2),
    Fault(
        "progress first",
        "progress-last",
        _TAG_LINE + _PROGRESS,
        "        tags = [*tag(path)]\n" + _PROGRESS + _TAG_LINE.replace("tag(path)", "tags"),
        also=("stop-is-no-end",),
    ),
    Fault(
        "totals at the end",
        "progress-last",
        _LAST,
        _LAST
        + 'if "found" in globals(): write("tag", source_media=path, track="total", **found)\n',
    ),
    Fault(
        "files beside the media",
        "media-untouched",
        _TAG_LINE,
        '        open(path + ".tmp", "w").close()\n' + _TAG_LINE,
    ),
    # -- its output
    Fault(
        "lines in two halves",
        "whole-lines",
        _WRITE,
        '    import time\n    os.write(output, json.dumps({"type": kind, "data": data}).encode())\n'
        '    time.sleep(0.02)\n    os.write(output, b"\\n")\n',
    ),
    Fault(
        "no newline at the end",
        "whole-lines",
        _PROGRESS,
        _PROGRESS + '        if "\\u6e21" in path: os.write(output, b"{}")\n',
        also=("json-lines",),
    ),
    Fault("NaN", "json-lines", "**found)", 'additional_info={"score": float("nan")}, **found)'),
    Fault(
        "Python's own notation",
        "json-lines",
        _WRITE,
        '    text = str if kind == "tag" else json.dumps\n'
        + _WRITE.replace("json.dumps(", "text("),
    ),
    Fault(
        "bare data",
        "json-lines",
        _WRITE,
        '    if kind == "tag": os.write(output, (json.dumps(data) + "\\n").encode()); return\n'
        + _WRITE,
    ),
    Fault(
        "Latin-1",
        "json-lines",
        _WRITE,
        _WRITE.replace("data})", "data}, ensure_ascii=False)").replace(
            "encode()", 'encode("latin-1", "replace")'
        ),
        also=("odd-names", "progress"),
        hangs=True,
    ),
    Fault(
        "a type of its own",
        "known-types",
        _PROGRESS,
        '        write("status", text="nearly done")\n' + _PROGRESS,
    ),
    Fault("a new file", "appends", "os.O_APPEND", "os.O_TRUNC"),
    Fault("refuses to append", "appends", "| os.O_CREAT", "| os.O_CREAT | os.O_EXCL"),
    Fault("another text each time", "same-twice", 'tag=f"{length}"', 'tag=f"{os.getpid()}"'),
    Fault(
        "fewer tags in a hurry",
        "same-twice",
        _TAG_LINE,
        '        quick = os.path.getsize(option("--output-path")) and "stray" in sys.argv\n'
        + _TAG_LINE.replace("tag(path)", "[*tag(path)][quick:]", 1),
    ),
    Fault("each tag twice", "unique-tags", _TAG_LINE, _TAG_LINE * 2),
    # -- its values
    Fault("a number as tag", "field-types", 'tag=f"{length}"', "tag=length"),
    Fault("a field of its own", "field-types", "**found)", "confidence=0.5, **found)"),
    Fault("no track but null", "field-types", 'track=""', "track=None"),
    Fault("a box as a list", "field-types", _BOX, "[0.1, 0.2, 0.5, 0.6]"),
    Fault(
        "seconds",
        "integer-times",
        _TIMES,
        "dict(start_time=start / 1000, end_time=start / 1000 + 0.4, ",
    ),
    Fault(
        "a time before the start",
        "integer-times",
        _TIMES,
        "dict(start_time=start - 900, end_time=start - 800, ",
    ),
    Fault("times swapped", "time-order", _TIMES, "dict(start_time=start + 400, end_time=start, "),
    Fault(
        "microseconds",
        "times-within-file",
        _TIMES,
        "dict(start_time=start, end_time=start * 1000 + 400, ",
    ),
    Fault("a box of pixels", "boxes", _BOX, "dict(x1=32, y1=48, x2=160, y2=144)"),
    Fault("corners swapped", "boxes", _BOX, "dict(x1=0.5, y1=0.2, x2=0.1, y2=0.6)"),
    Fault("frames of all files", "frame-index", "start * 24 // 1000", "start * 24"),
    # -- what goes wrong
    Fault(
        "missing is nothing",
        "missing-file",
        _FAILED,
        "        if isinstance(error, OSError): continue\n" + _FAILED,
        also=("continue-on-error",),
    ),
    Fault(
        "any bytes will do",
        "corrupt-file",
        '    if data[4:8] != b"ftyp":\n',
        '    if data[4:8] != b"ftyp": return\n    if 0:\n',
        also=("continue-on-error",),
    ),
    Fault(
        "progress after an error",
        "corrupt-file",
        _FAILED,
        _FAILED + _PROGRESS,
        also=("missing-file", "continue-on-error"),
    ),
    Fault(
        "status 0 after a failure",
        "missing-file",
        _LAST,
        _LAST.replace("1)", "0)"),
        also=("corrupt-file",),
    ),
    Fault(
        "an error without a name",
        "missing-file",
        _FAILED,
        '        write("error", message="it failed", source_media=None)\n',
        also=("corrupt-file", "continue-on-error", "picture"),
    ),
    Fault(
        "dies without a word",
        "missing-file",
        "except (OSError, ValueError) as error:\n        write",
        "except ValueError as error:\n        write",
        also=("continue-on-error",),
    ),
    Fault("stops all the same", "continue-on-error", _LAST, "        sys.exit(1)\n"),
    Fault(
        "status 1 all the same",
        "continue-on-error",
        _LAST,
        _LAST.replace("sys.exit(1)", "sys.exit(1)\n        bad = 1")
        + "sys.exit(globals().get('bad', 0))\n",
    ),
    Fault(
        "malformed is empty",
        "params-malformed",
        '    params = json.loads(option("--params") or "{}")\n',
        '    try: params = json.loads(option("--params") or "{}")\n'
        "    except ValueError: params = {}\n",
    ),
    Fault(
        "a list is empty",
        "params-no-object",
        'raise ValueError("--params must be an object")',
        "params = {}",
    ),
    Fault(
        "unknown keys are nothing",
        "params-unknown-key",
        'raise ValueError(f"unknown params: {params}")',
        "pass",
    ),
    Fault("any flag will do", "params-wrong-type", 'raise ValueError("no flag")', "pass"),
    Fault(
        "bad params on stderr",
        "params-malformed",
        _BAD_PARAMS,
        "    print(error, file=sys.stderr)\n",
        also=("params-no-object", "params-unknown-key", "params-wrong-type"),
    ),
    # -- how it stops
    Fault(
        "deaf to SIGTERM",
        "stops-idle",
        _SIGNAL,
        "signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
        also=("stops-busy",),
        hangs=True,
    ),
    Fault(
        "deaf at work",
        "stops-busy",
        _SIGNAL,
        "def stop(*_):\n"
        "    if 'more_' not in globals().get('path', ''): os._exit(143)\n"
        "signal.signal(signal.SIGTERM, stop)\n",
        hangs=True,
    ),
    Fault(
        "half a file is finished",
        "stop-is-no-end",
        _TAG_LINE + _PROGRESS,
        "        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))\n"
        "        try:\n"
        "            for found in tag(path):\n"
        '                write("tag", source_media=path, track="", **found)\n'
        '                if "more_" in path: __import__("time").sleep(0.5)\n'
        '            write("progress", source_media=path)\n'
        "        except SystemExit:\n"
        '            write("progress", source_media=path)\n'
        "            raise\n",
    ),
)
