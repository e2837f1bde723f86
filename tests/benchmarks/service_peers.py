"""The same clips through the same model in LitServe, BentoML and the prediction service.

python -m venv peers && peers/bin/pip install litserve bentoml -e .
python -m tests.benchmarks.service_peers peers/bin/python [CLIPS, 60 by default]
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from tests.docs.reader import CLIP
from tests.service.serving import serve
from tests.soak.service import children

if TYPE_CHECKING:
    from collections.abc import Callable

NUM_CONNECTIONS = 4
MODEL = """
from common_ml.video_processing import get_frames

def brightness(path):
    return [float(frame.mean()) for frame in get_frames(str(path), 1)[0]]
"""
LITSERVE = """
import sys, tempfile
import litserve
from model import brightness

class Api(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["clip"].file.read()

    def predict(self, data):
        with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
            file.write(data)
            file.flush()
            return brightness(file.name)

    def encode_response(self, output):
        return {"brightness": output}

if __name__ == "__main__":
    server = litserve.LitServer(Api(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
"""
BENTOML = """
from pathlib import Path
import bentoml
from model import brightness

@bentoml.service(workers=1)
class Service:
    @bentoml.api
    def predict(self, clip: Path) -> list[float]:
        return brightness(clip)
"""
TAGGER = """
from model import brightness
from common_ml import AVModel, Tag, run_default

class Model(AVModel):
    def tag(self, fpath):
        return [Tag(n * 1000, n * 1000, "bright", fpath, additional_info={"mean": mean})
                for n, mean in enumerate(brightness(fpath))]

run_default(Model())
"""


def clips(number: int) -> list[bytes]:
    """A clip, each time with other bytes at its end: a `free` box."""
    data = CLIP.read_bytes()
    return [data + (12).to_bytes(4, "big") + b"free" + n.to_bytes(4, "big") for n in range(number)]


def through_peer(command: list[str], port: int, folder: Path, sent: list[bytes]) -> float:
    """Seconds until all answers are there."""
    url = f"http://127.0.0.1:{port}/predict"
    environment = {**os.environ, "BENTOML_DO_NOT_TRACK": "True"}
    with (folder / "peer.log").open("w") as log:
        process = subprocess.Popen(command, cwd=folder, stdout=log, stderr=log, env=environment)
        try:
            with httpx.Client(timeout=120) as client:

                def ask(data: bytes) -> httpx.Response:
                    return client.post(url, files={"clip": ("clip.mp4", data)})

                while True:  # until it serves; the first answer loads the model
                    assert process.poll() is None, (folder / "peer.log").read_text()
                    try:
                        if ask(sent[0]).status_code == 200:
                            break
                    except httpx.TransportError:
                        time.sleep(0.2)
                return timed(ask, sent[1:])
        finally:
            tree = [process.pid, *children(process.pid)]
            for number in reversed(tree):
                subprocess.run(["kill", str(number)], check=False, stderr=subprocess.DEVNULL)
            process.wait()


def timed(ask: Callable[[bytes], httpx.Response], sent: list[bytes]) -> float:
    """Send all at some connections."""
    started = time.perf_counter()
    with ThreadPoolExecutor(NUM_CONNECTIONS) as pool:
        for answer in pool.map(ask, sent):
            answer.raise_for_status()
    return time.perf_counter() - started


def through_service(folder: Path, sent: list[bytes]) -> float:
    """Seconds until all are done: stored, queued, tagged, with labels that can be searched."""
    with serve("tagger", folder=folder) as served:
        client = served.client("tagger")

        def ask(data: bytes) -> httpx.Response:
            files = [("files", ("clip.mp4", data))]
            kept = client.post("/v1/files", files=files).raise_for_status().json()["items"]
            body = {"files": [kept[0]["sha256"]], "models": ["tagger"]}
            return client.post("/v1/predictions", json=body, headers={"prefer": "wait=60"})

        ask(sent[0])  # starts the tagger
        seconds = timed(ask, sent[1:])
        served.stop()
    return seconds


def main() -> None:
    """Measure one after the other, and print."""
    python, number = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 60
    sent = clips(number + 1)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "tagger").mkdir()
        for place, text in {
            "model.py": MODEL,
            "lit.py": LITSERVE,
            "bento.py": BENTOML,
            "tagger/model.py": MODEL,
            "tagger/main.py": TAGGER,
        }.items():
            (folder / place).write_text(text)
        bento = [python, "-m", "bentoml", "serve", "bento:Service", "--port", "8932"]
        report("LitServe", number, through_peer([python, "lit.py", "8931"], 8931, folder, sent))
        report("BentoML", number, through_peer(bento, 8932, folder, sent))
        report("common-ml serve", number, through_service(folder, sent))


def report(name: str, number: int, seconds: float) -> None:
    """Print a line."""
    each = seconds / number * 1000
    print(f"{name}: {number} clips in {seconds:.2f} s, {each:.1f} ms each", flush=True)


if __name__ == "__main__":
    main()
