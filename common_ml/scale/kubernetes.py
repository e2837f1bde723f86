"""Generate the Kubernetes manifest of a sharded job: an Indexed Job."""

from __future__ import annotations

import json
import math
import re
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class KubernetesOptions:
    """Resources and mounts of a pod."""

    image: str
    """Image with the tagger and common-ml; see docs/scale.md."""
    tagger: str = "main.py"
    """Path of the tagger's program in the image, relative to the working directory."""
    name: str = "common-ml"
    namespace: str = ""
    parallelism: int = 10
    cpus_per_tagger: float = 1
    gpus_per_tagger: int = 0
    memory: str = "4Gi"
    volume_claim: str = ""
    """A PersistentVolumeClaim with the films, the plan and the parts; "" where all is in an object
    store."""
    mount_path: str = "/data"
    environment_from: tuple[str, ...] = ()
    """Secrets with the credentials of an object store."""
    node_selector: dict[str, str] = field(default_factory=dict)
    tries_per_shard: int = 3


def kubernetes_manifest(plan: str, num_shards: int, options: KubernetesOptions) -> dict[str, Any]:
    """Return the manifest of an Indexed Job.

    Each index tags one shard. A pod that loses its node does not count as an attempt; a shard that
    fails three times leaves the others alone, and one in which films failed is not tried again.
    Deleting the job and creating it again resumes: films that have a part are skipped.

    Args:
        plan: Path of the plan in a pod, or where it is mounted.
        num_shards: Completions of the job.
        options: Resources and mounts of a pod.

    Raises:
        ValueError: Kubernetes would refuse an option.
    """
    checked_name(options.name)
    if not options.image:
        raise ValueError("the image has no name; hint: --image registry.example/my-tagger:1.0")
    if not _QUANTITY.fullmatch(options.memory):
        raise ValueError(f"invalid memory {options.memory!r}: expected such as 4Gi or 500M")
    if not 0 < options.cpus_per_tagger < math.inf:
        raise ValueError(f"invalid CPUs {options.cpus_per_tagger!r}: expected a number above 0")
    if not _MOUNT.fullmatch(options.mount_path):
        raise ValueError(f"invalid mount path {options.mount_path!r}: expected such as /data")
    resources: dict[str, Any] = {
        "requests": {"cpu": f"{options.cpus_per_tagger:g}", "memory": options.memory},
        "limits": {"memory": options.memory},
    }
    if options.gpus_per_tagger:
        resources["limits"]["nvidia.com/gpu"] = str(options.gpus_per_tagger)
    shard = f'"$((JOB_COMPLETION_INDEX + 1))/{num_shards}"'
    container: dict[str, Any] = {
        "name": "tagger",
        "image": options.image,
        "command": ["/bin/sh", "-c"],
        # exec: SIGTERM reaches the run, which shuts down gracefully
        "args": [f'exec python3 -m common_ml run "$TAGGER" --plan "$PLAN" --shard {shard}'],
        "env": [
            {"name": "TAGGER", "value": options.tagger},
            {"name": "PLAN", "value": plan},
        ],
        "resources": resources,
    }
    pod: dict[str, Any] = {
        "restartPolicy": "Never",
        "terminationGracePeriodSeconds": 30,
        "containers": [container],
    }
    if options.environment_from:
        container["envFrom"] = [
            {"secretRef": {"name": checked_name(secret, dots=True)}}
            for secret in options.environment_from
        ]
    if options.volume_claim:
        container["volumeMounts"] = [{"name": "data", "mountPath": options.mount_path}]
        claim = {"claimName": checked_name(options.volume_claim, dots=True)}
        pod["volumes"] = [{"name": "data", "persistentVolumeClaim": claim}]
    if options.node_selector:
        pod["nodeSelector"] = dict(options.node_selector)
    metadata = {"name": options.name, "labels": {"app.kubernetes.io/name": "common-ml"}}
    if options.namespace:
        metadata["namespace"] = checked_name(options.namespace)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata,
        "spec": {
            "completionMode": "Indexed",
            "completions": num_shards,
            "parallelism": min(options.parallelism, num_shards),
            "backoffLimitPerIndex": options.tries_per_shard - 1,
            "maxFailedIndexes": num_shards,
            "podFailurePolicy": {"rules": deepcopy(_FAILURE_RULES)},
            "template": {"metadata": {"labels": metadata["labels"]}, "spec": pod},
        },
    }


_FAILURE_RULES: list[dict[str, Any]] = [
    {  # node drained, pod preempted or evicted: does not count as an attempt
        "action": "Ignore",
        "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}],
    },
    {  # films failed, which another attempt does not change
        "action": "FailIndex",
        "onExitCodes": {"containerName": "tagger", "operator": "In", "values": [1]},
    },
]
_MAX_NAME = 253
_QUANTITY = re.compile(r"[0-9]+(\.[0-9]+)?([KMGTPE]i|[kMGTPE])?")
_LABEL = r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?"
_MOUNT = re.compile(r"/[^:\0\n]*")


def checked_name(name: str, *, dots: bool = False) -> str:
    """Return a name of an object of Kubernetes.

    Args:
        name: A label of RFC 1123.
        dots: Allow several with dots between them, as in names of secrets and claims.

    Raises:
        ValueError: it is not one.
    """
    allowed = rf"{_LABEL}(\.{_LABEL})*" if dots else _LABEL
    if not re.fullmatch(allowed, name) or len(name) > _MAX_NAME:
        signs = "digits, dashes and dots" if dots else "digits and dashes"
        length = _MAX_NAME if dots else 63
        raise ValueError(
            f"invalid name {name!r}: expected up to {length} lower-case letters, {signs}"
        )
    return name


def manifest_text(manifest: dict[str, Any]) -> str:
    """Return a manifest as JSON, which `kubectl apply -f` reads as well as YAML."""
    return json.dumps(manifest, indent=2) + "\n"
