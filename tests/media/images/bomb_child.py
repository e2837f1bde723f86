"""Read each file of a folder in a child of 1 GB and 10 s: one line of JSON about each.

python -m tests.media.images.bomb_child FOLDER
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
from pathlib import Path

BYTES, SECONDS = 1 << 30, 10

resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

from common_ml.errors import MediaError  # noqa: E402 - what is loaded counts, too
from common_ml.media.images import opencv, read_image  # noqa: E402 - as above


def _report(path: Path) -> str:
    try:
        return f"read: {read_image(path).shape}"
    except MediaError as error:
        return f"{type(error).__name__}: {error}"


def main() -> None:
    """Read the files in the order of their names."""
    opencv.module()
    for path in sorted(Path(sys.argv[1]).iterdir()):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
            signal.signal(signal.SIGXCPU, signal.SIG_DFL)
            os.write(writing, _report(path).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read().decode()
        _, status, usage = os.wait4(child, 0)
        line = {
            "name": path.name, "text": text, "status": status,
            "megabytes": usage.ru_maxrss >> 10, "seconds": usage.ru_utime + usage.ru_stime,
        }  # fmt: skip
        print(json.dumps(line), flush=True)  # noqa: T201 - what it is for


if __name__ == "__main__":
    main()
