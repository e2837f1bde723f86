"""Search, tags, exports, webhooks, numbers and the Open Inference Protocol over HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.parts import PartKey
from common_ml.service.worker.labels import LabelCounts
from common_ml.tagging.messages import FrameInfo, Progress, Tag
from common_ml.tagging.wire import Writer
from tests.service.cores import claim, finish, offer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from common_ml.service.core import Core
    from tests.service.api.conftest import Served

PICTURE = b"P1 1 1 0\n"
BOX = {"x1": 0.1, "y1": 0.2, "x2": 0.5, "y2": 0.6}


def work(core: Core, *labels: str) -> None:
    """Do all that is queued as a worker does, labels counted; the first one is the surest."""
    while claimed := claim(core, model="words"):
        (one,) = claimed
        key = PartKey(one.sha256, one.revision, one.params_sha, fence=one.fence)
        name = f"{one.sha256}{one.suffix}"
        counts = LabelCounts()
        found = []
        for place, text in enumerate(labels):
            tag = Tag(
                0,
                1000,
                text,
                source_media=name,
                additional_info={"confidence": 1 / (place + 1)},
                frame_info=FrameInfo(frame_idx=0, box=BOX),
            )
            counts.add(tag)
            found.append(tag)
        core.parts.commit(key, [*found, Progress(name)])
        finish(core, one, num_tags=len(labels))
        core.database.write(
            lambda connection, counts=counts, one=one: counts.save(  # type: ignore[misc] # bound now
                connection, prediction=one.id, file_id=one.file_id, model="words"
            )
        )


@pytest.fixture
def ann(served: Served) -> httpx.Client:
    offer(served.core, "words", types=("image", "text"))
    return served.client("ann")


def sent(client: httpx.Client, number: int) -> list[dict[str, Any]]:
    """Upload and predict so many pictures."""
    files = [("files", (f"beach{n}.pbm", PICTURE + b"\n" * n)) for n in range(number)]
    kept = client.post("/v1/files", files=files).json()["items"]
    body = {"files": [file["sha256"] for file in kept], "models": ["words"]}
    client.post("/v1/predictions", json=body).raise_for_status()
    return list(kept)


def test_search_finds_labels_names_and_tags_in_pages(served: Served, ann: httpx.Client) -> None:
    files = sent(ann, 3)
    work(served.core, "WELCOME", "home")
    ann.post("/v1/tags", json={"files": [files[0]["sha256"]], "add": ["checked"]})

    def names(**body: Any) -> list[str]:
        return [one["name"] for one in ann.post("/v1/search", json=body).json()["items"]]

    assert names(text="welco") == ["beach2.pbm", "beach1.pbm", "beach0.pbm"]
    assert names(labels={"words": ["home"]}, min_confidence=0.6) == []
    assert len(names(labels={"words": ["home"]}, min_confidence=0.5)) == 3
    assert names(text="beach1") == ["beach1.pbm"]
    assert names(tags=["checked"], kinds=["image"], states=["done"]) == ["beach0.pbm"]
    first = ann.post("/v1/search", json={"text": "home", "limit": 2}).json()
    rest = ann.post("/v1/search", json={"text": "home", "limit": 2, "cursor": first["next"]}).json()
    assert [one["name"] for one in rest["items"]] == ["beach0.pbm"]
    assert rest["next"] is None
    assert served.client("bob").post("/v1/search", json={"text": "home"}).json()["items"] == []


def test_files_are_opened_to_roles(served: Served, ann: httpx.Client) -> None:
    (file,) = sent(ann, 1)
    rita = served.client("rita", roles=["researcher"])
    assert rita.get(f"/v1/files/{file['sha256']}").status_code == 404
    body = {"files": [file["sha256"]], "add": ["researcher"]}
    assert rita.post("/v1/tag-roles", json=body).status_code in (403, 404)
    (opened,) = ann.post("/v1/tag-roles", json=body).json()["items"]
    assert opened["tag_roles"] == ["researcher"]
    assert rita.get(f"/v1/files/{file['sha256']}").status_code == 200


def test_the_pipeline_searches_in_pages_of_fifteen(served: Served, ann: httpx.Client) -> None:
    sent(ann, 17)
    work(served.core, "cat")
    body = {"search_filter": {"words": ["cat"]}}
    first = ann.post("/model/search", params={"page_id": 1}, json=body).json()
    second = ann.post("/model/search", params={"page_id": 2}, json=body).json()

    assert {key: first[key] for key in first if key != "hashes"} == {
        "num_pages": 2,
        "page_size": 15,
        "num_objects": 17,
        "current_page": 1,
    }
    assert len(first["hashes"]) == 15
    assert len(second["hashes"]) == 2
    everything = ann.post("/model/search/download", json=body).json()
    assert everything == {"hashes": first["hashes"] + second["hashes"]}
    text = ann.post("/model/search", params={"search_string": "beach16"}).json()
    assert text["hashes"] == [hashlib.md5(PICTURE + b"\n" * 16, usedforsecurity=False).hexdigest()]
    refused = ann.post("/model/search", json={"search_filter": {}})
    assert refused.status_code == 400
    assert "search filter" in refused.json()["detail"]


def test_the_pipeline_tags_objects(served: Served, ann: httpx.Client) -> None:
    (file,) = sent(ann, 1)
    hashes = [file["md5"], "0" * 32]
    answer = ann.post(
        "/model/tag/update",
        params={"username": "ann"},
        json={"md5_hashes": hashes, "remove_tags": [], "new_tags": ["seen"]},
    ).json()
    assert answer[file["md5"]] == {"status": "success", "detail": "Tags updated."}
    assert answer["0" * 32]["status"] == "failure"
    (shown,) = ann.post("/model/results", json=[file["md5"]]).json()
    assert shown["tags"] == ["seen"]
    roles = {"md5_hashes": [file["md5"]], "new_roles": ["researcher"], "remove_roles": []}
    ann.post("/model/tag/role/update", json=roles)
    (shown,) = ann.post("/model/results", json=[file["md5"]]).json()
    assert shown["user_role_able_to_tag"] == ["admin", "researcher"]
    others = ann.post(
        "/model/tag/update",
        params={"username": "bob"},
        json={"md5_hashes": [file["md5"]], "new_tags": ["x"]},
    ).json()
    assert others[file["md5"]]["status"] == "failure"


def test_selections_are_exported(served: Served, ann: httpx.Client, tmp_path: Path) -> None:
    sent(ann, 2)
    work(served.core, "cat", "dog")
    listed = ann.get("/v1/predictions").json()["items"]
    ids = [one["id"] for one in sorted(listed, key=lambda one: str(one["file"]["name"]))]

    tags = ann.post("/v1/exports", json={"predictions": ids})
    expected = tmp_path / "expected.jsonl"
    with Writer(expected) as writer:
        for name in ("beach0.pbm", "beach1.pbm"):
            for place, text in enumerate(("cat", "dog")):
                writer.write(
                    Tag(
                        0,
                        1000,
                        text,
                        source_media=name,
                        additional_info={"confidence": 1 / (place + 1)},
                        frame_info=FrameInfo(frame_idx=0, box=BOX),
                    )
                )
            writer.write(Progress(name))
    assert tags.content == expected.read_bytes()
    assert 'filename="tags.jsonl"' in tags.headers["content-disposition"]

    table = ann.post("/v1/exports", params={"format": "csv"}, json={"predictions": ids})
    assert table.status_code == 200, table.text
    assert "cat" in table.text
    folder = ann.post("/v1/exports", params={"format": "fiftyone"}, json={"predictions": ids})
    with zipfile.ZipFile(io.BytesIO(folder.content)) as archive:
        labels = json.loads(archive.read("labels.json"))
    assert labels["classes"] == ["cat", "dog"]
    assert [*served.core.settings.uploads.glob("export-*")] == []
    wrong = ann.post("/v1/exports", params={"format": "cocoa"}, json={"predictions": ids})
    assert wrong.status_code in (400, 422)
    assert "coco" in wrong.text
    theirs = served.client("bob").post("/v1/exports", json={"predictions": ids})
    assert theirs.status_code == 404


def test_webhooks_are_made_listed_and_removed(served: Served, ann: httpx.Client) -> None:
    made = ann.post("/v1/webhooks", json={"url": "https://example.org/hook"}).json()
    assert made["secret"].startswith("whsec_")
    (listed,) = ann.get("/v1/webhooks").json()["items"]
    assert listed["secret"] is None
    assert ann.get(f"/v1/webhooks/{made['id']}/deliveries").json()["items"] == []
    bob = served.client("bob")
    assert bob.get("/v1/webhooks").json()["items"] == []
    assert bob.delete(f"/v1/webhooks/{made['id']}").status_code == 404
    assert ann.delete(f"/v1/webhooks/{made['id']}").status_code == 204
    bad = ann.post("/v1/webhooks", json={"url": "https://example.org", "events": ["lunch"]})
    assert bad.status_code in (400, 422)


def test_numbers_are_for_administrators(served: Served, ann: httpx.Client) -> None:
    sent(ann, 2)
    admin = served.client("admin")
    stats = admin.get("/v1/stats").json()
    assert stats["predictions"] == {"words": {"queued": 2}}
    assert (stats["files"], stats["file_bytes"]) == (2, 2 * len(PICTURE) + 1)
    assert admin.get("/v1/workers").json()["items"] == []
    assert ann.get("/v1/stats").status_code == 403
    assert ann.get("/v1/workers").status_code == 403
    metrics = served.anonymous().get("/metrics").text
    assert 'common_ml_predictions{model="words",state="queued"} 2.0' in metrics


def test_the_open_inference_protocol_is_spoken(served: Served, ann: httpx.Client) -> None:
    anybody = served.anonymous()
    assert anybody.get("/v2/health/live").json() == {"live": True}
    assert anybody.get("/v2/health/ready").json() == {"ready": True}
    assert ann.get("/v2/models/words").json()["inputs"][0]["datatype"] == "BYTES"
    assert ann.get("/v2/models/words/ready").json() == {"name": "words", "ready": True}
    assert ann.get("/v2/models/nothing").status_code == 404
    (file,) = sent(ann, 1)
    tensor = {"name": "files", "datatype": "BYTES", "shape": [1], "data": [file["sha256"]]}
    request = {"id": "7", "inputs": [tensor], "parameters": {"wait": 0}}

    queued = ann.post("/v2/models/words/infer", json=request).json()
    work(served.core, "cat")
    done = ann.post("/v2/models/words/infer", json=request).json()

    assert [one["data"] for one in queued["outputs"]][1:] == [["queued"], [""]]
    assert (done["id"], done["model_name"], done["model_version"]) == ("7", "words", "r1")
    ids, states, tags = (one["data"] for one in done["outputs"])
    assert states == ["done"]
    assert tags == [ann.get(f"/v1/predictions/{ids[0]}/tags").text]
    wrong = {**request, "inputs": [{**tensor, "shape": [2]}]}
    assert ann.post("/v2/models/words/infer", json=wrong).status_code == 400
