"""Ray Data with its own video reader, as its documentation has it: a JSON line for each frame.

    python -m tests.benchmarks.ray_data_pipeline function OUTPUT CLIP...

`function` maps a function over the batches, which Ray Data runs as tasks; `class` keeps a model in
an actor, which counts as no CPU, so that the readers have all of them.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.ray_data_model import look


class Model:
    """What is loaded once."""

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        import numpy as np

        return {**batch, "look": np.array([look(frame) for frame in batch.pop("frame")])}


def main(how: str, output: str, paths: list[str]) -> None:
    """Tag one frame a second."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    import ray.data

    ray.init(
        address="local", include_dashboard=False, _node_ip_address="127.0.0.1", log_to_driver=False
    )
    ray.data.DataContext.get_current().enable_progress_bars = False
    frames = ray.data.read_videos(paths, fps=1, include_paths=True, include_timestamps=True)
    if how == "class":
        pool = ray.data.ActorPoolStrategy(size=1)
        rows = frames.map_batches(Model, compute=pool, num_cpus=0)
    else:
        rows = frames.map_batches(Model().__call__)
    with Path(output).open("w") as file:
        for row in rows.iter_rows():
            found = {
                "path": str(row["path"]),
                "index": int(row["frame_index"]),
                "seconds": float(row["frame_timestamp"][0]),
                "look": str(row["look"]),
            }
            file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
