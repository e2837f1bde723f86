"""Manifests of Indexed Jobs: what is in them, and what Kubernetes would refuse."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from common_ml.scale.kubernetes import (
    KubernetesOptions,
    checked_name,
    kubernetes_manifest,
    manifest_text,
)

FULL = KubernetesOptions(
    "images.example/my-tagger:1.0",
    namespace="films",
    cpus_per_tagger=0.5,
    gpus_per_tagger=1,
    volume_claim="films",
    environment_from=("bucket",),
    node_selector={"gpu": "a10"},
)


@pytest.mark.parametrize("options", [KubernetesOptions("my-tagger"), FULL])
@pytest.mark.parametrize("version", ["1.31", "1.33"])
def test_the_manifest_is_valid(options: KubernetesOptions, version: str) -> None:
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    manifest = json.loads(manifest_text(kubernetes_manifest("/data/plan.json", 50, options)))

    kubernetes_validate.validate(manifest, version, strict=True)


def test_the_manifest_says_what_an_index_does() -> None:
    manifest = kubernetes_manifest("/data/plan.json", 5, FULL)
    spec: dict[str, Any] = manifest["spec"]

    assert (spec["completions"], spec["parallelism"], spec["completionMode"]) == (5, 5, "Indexed")
    assert spec["backoffLimitPerIndex"] == 2
    container = spec["template"]["spec"]["containers"][0]
    assert container["resources"]["limits"]["nvidia.com/gpu"] == "1"
    # as the pod's shell takes it
    command = container["args"][0].replace("exec python3", "echo")
    done = subprocess.run(
        [*container["command"], command],
        env={"JOB_COMPLETION_INDEX": "4", **{v["name"]: v["value"] for v in container["env"]}},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "-m common_ml run main.py --plan /data/plan.json --shard 5/5\n"


def test_names_that_kubernetes_refuses_are_refused() -> None:
    with pytest.raises(ValueError, match="invalid name 'My_Job'"):
        kubernetes_manifest("/plan.json", 1, KubernetesOptions("image", name="My_Job"))


@pytest.mark.parametrize("options", [KubernetesOptions("my-tagger"), FULL])
def test_the_text_is_read_as_yaml_and_as_json(options: KubernetesOptions) -> None:
    yaml = pytest.importorskip("yaml")
    manifest = kubernetes_manifest("/data/a plan: 'x' #1.json", 3, options)
    text = manifest_text(manifest)
    assert yaml.safe_load(text) == json.loads(text) == manifest
    assert text.endswith("}\n")


def test_only_what_was_asked_for_is_in_the_manifest() -> None:
    """An empty list or name would be refused, or mean something else."""
    manifest = kubernetes_manifest("s3://b/plan.json", 5, KubernetesOptions("my-tagger"))
    assert "namespace" not in manifest["metadata"]
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert set(pod) == {"restartPolicy", "terminationGracePeriodSeconds", "containers"}
    assert set(container) == {"name", "image", "command", "args", "env", "resources"}
    assert container["resources"] == {
        "requests": {"cpu": "1", "memory": "4Gi"},
        "limits": {"memory": "4Gi"},
    }


def test_all_that_was_asked_for_is_in_the_manifest() -> None:
    manifest = kubernetes_manifest("/data/plan.json", 5, FULL)
    assert manifest["metadata"]["namespace"] == "films"
    pod = manifest["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["nodeSelector"] == {"gpu": "a10"}
    assert container["envFrom"] == [{"secretRef": {"name": "bucket"}}]
    (volume,), (mount,) = pod["volumes"], container["volumeMounts"]
    assert volume == {"name": mount["name"], "persistentVolumeClaim": {"claimName": "films"}}
    assert mount["mountPath"] == "/data"
    assert container["resources"]["requests"]["cpu"] == "0.5"


@pytest.mark.parametrize(
    ("num_shards", "parallelism", "expected"), [(1, 10, 1), (10, 10, 10), (5000, 10, 10)]
)
def test_no_more_pods_run_than_there_are_shards(
    num_shards: int, parallelism: int, expected: int
) -> None:
    options = KubernetesOptions("image", parallelism=parallelism, tries_per_shard=1)
    spec = kubernetes_manifest("/plan.json", num_shards, options)["spec"]
    assert (spec["completions"], spec["parallelism"]) == (num_shards, expected)
    assert (spec["backoffLimitPerIndex"], spec["maxFailedIndexes"]) == (0, num_shards)


def test_manifests_share_nothing() -> None:
    """What a caller adds to one is not in the next."""
    options = replace(FULL, node_selector={"gpu": "a10"})
    first = kubernetes_manifest("/plan.json", 1, options)
    first["spec"]["template"]["spec"]["nodeSelector"]["zone"] = "b"
    first["spec"]["podFailurePolicy"]["rules"].clear()
    second = kubernetes_manifest("/plan.json", 1, options)
    assert second["spec"]["template"]["spec"]["nodeSelector"] == {"gpu": "a10"}
    assert len(second["spec"]["podFailurePolicy"]["rules"]) == 2


@pytest.mark.parametrize("name", ["a", "0", "a-b", "a" * 63, "x1--2"])
def test_names_that_kubernetes_takes(name: str) -> None:
    assert checked_name(name) == name


@pytest.mark.parametrize("name", ["", "-a", "a-", "A", "a_b", "a" * 64, "a b", "a\n", "\u00e9"])
def test_names_that_kubernetes_refuses(name: str) -> None:
    with pytest.raises(ValueError, match="expected up to 63 lower-case letters, digits and dash"):
        checked_name(name)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"image": ""}, "the image has no name; hint: --image registry.example/my-tagger:1.0"),
        ({"memory": "8 GB"}, "invalid memory '8 GB': expected such as 4Gi or 500M"),
        ({"memory": ""}, "invalid memory ''"),
        ({"memory": "-1Gi"}, "invalid memory '-1Gi'"),
        ({"namespace": "My Films"}, "invalid name 'My Films'"),
        ({"volume_claim": "My_Films"}, "invalid name 'My_Films'"),
        (
            {"volume_claim": "films..v1"},
            "expected up to 253 lower-case letters, digits, dashes and",
        ),
        ({"environment_from": ("ok", "")}, "invalid name ''"),
        ({"cpus_per_tagger": float("inf")}, "invalid CPUs inf: expected a number above 0"),
        ({"cpus_per_tagger": 0}, "invalid CPUs 0"),
        ({"mount_path": "data"}, "invalid mount path 'data': expected such as /data"),
        ({"mount_path": "/a:b"}, "invalid mount path '/a:b'"),
    ],
)
def test_an_option_that_kubernetes_would_refuse_is_named(
    options: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValueError, match=expected):
        kubernetes_manifest("/plan.json", 1, replace(FULL, **options))


def test_secrets_and_claims_may_have_dots() -> None:
    options = replace(FULL, volume_claim="films.v1", environment_from=("bucket.example.com",))

    pod = kubernetes_manifest("/data/plan.json", 2, options)["spec"]["template"]["spec"]

    assert pod["volumes"][0]["persistentVolumeClaim"] == {"claimName": "films.v1"}
    (container,) = pod["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": "bucket.example.com"}}]


@pytest.mark.parametrize("memory", ["4Gi", "500M", "0.5Ti", "1000000000", "100k"])
def test_amounts_of_memory_that_kubernetes_takes(memory: str) -> None:
    manifest = kubernetes_manifest("/plan.json", 1, KubernetesOptions("image", memory=memory))
    (container,) = manifest["spec"]["template"]["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == memory
