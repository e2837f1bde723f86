"""A Ray cluster on loopback whose machines come and go by demand: Ray's own autoscaler."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ray.autoscaler._private.fake_multi_node.node_provider import FakeMultiNodeProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

LOOPBACK = "127.0.0.2"
"""Ray takes 127.0.0.1 for the address of the network card."""
STORE_BYTES = 80 << 20
_ROOT = Path(__file__).parents[2]
_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_AUTH_MODE": "disabled",
    "RAY_FAKE_CLUSTER": "1",
    "AUTOSCALER_UPDATE_INTERVAL_S": "1",
}


class LoopbackNodes(FakeMultiNodeProvider):
    """Machines that are processes of this one, on loopback instead of the network card.

    Loaded by the autoscaler, in a process of its own.
    """

    def create_node_with_resources_and_labels(self, *args: Any, **options: Any) -> None:
        import ray

        ray.util.get_node_ip_address = lambda *_: LOOPBACK
        super().create_node_with_resources_and_labels(  # type: ignore[no-untyped-call] # Ray has hints in part
            *args, **options
        )


@contextmanager
def autoscaling_cluster(folder: Path, *, max_workers: int, idle_seconds: float) -> Iterator[str]:
    """Run a head without CPUs; yield its address.

    `ray.cluster_utils.AutoscalingCluster` would end every other Ray on this machine.

    Args:
        folder: For the configuration and the cluster's own files.
        max_workers: Machines of one CPU each that the autoscaler may add.
        idle_seconds: After which it removes one that has nothing to do.
    """
    with socket.create_server((LOOPBACK, 0)) as server:
        port = server.getsockname()[1]
    address = f"{LOOPBACK}:{port}"
    config = folder / "autoscaling.json"
    config.write_text(json.dumps(_config(address, max_workers, idle_seconds)))
    command = [
        str(Path(sys.executable).with_name("ray")),
        *("start", "--head", "--block", "--num-cpus", "0", "--include-dashboard", "false"),
        *("--node-ip-address", LOOPBACK, "--port", str(port)),
        *("--object-store-memory", str(STORE_BYTES), "--autoscaling-config", str(config)),
    ]
    environment = {**os.environ, **_ENVIRONMENT, "PYTHONPATH": str(_ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment
    ) as head:
        try:
            assert head.stdout is not None
            said: list[str] = []
            for line in head.stdout:
                said.append(line)
                if "--block" in line:  # it says that it waits now
                    break
            else:
                raise AssertionError("".join(said))
            yield f"ray:{address}"
        finally:
            head.terminate()
            head.communicate()


def _config(address: str, max_workers: int, idle_seconds: float) -> dict[str, Any]:
    return {
        "cluster_name": "common-ml",
        "max_workers": max_workers,
        "idle_timeout_minutes": idle_seconds / 60,
        "upscaling_speed": 100,
        "provider": {
            "type": "external",
            "module": f"{LoopbackNodes.__module__}.{LoopbackNodes.__name__}",
            "gcs_address": address,
            "use_node_id_as_ip": True,
            "disable_node_updaters": True,
            "disable_launch_config_check": True,
            "foreground_node_launch": True,
        },
        **{key: {} for key in ("auth", "docker", "file_mounts")},
        **{key: [] for key in _COMMANDS},
        "file_mounts_sync_continuously": False,
        "head_node_type": "ray.head.default",
        "available_node_types": {
            "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
            "machine": {
                "resources": {"CPU": 1, "object_store_memory": STORE_BYTES},
                "node_config": {},
                "min_workers": 0,
                "max_workers": max_workers,
            },
        },
    }


_COMMANDS = (
    "cluster_synced_files",
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)
"""Of machines that are reached over SSH; the autoscaler wants them all the same."""
