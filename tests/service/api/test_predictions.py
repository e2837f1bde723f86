"""Predictions over HTTP; the work is done by the test in place of a worker."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import httpx_sse
import pytest

from common_ml.parts import PartKey
from common_ml.service.rendering import tag_lines
from common_ml.tagging.messages import Progress, Tag
from common_ml.tagging.wire import Writer
from tests.service.cores import claim, finish, offer

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from common_ml.service.core import Core
    from tests.service.api.conftest import Served

SCHEMA = {"type": "object", "properties": {"fps": {"type": "number"}}}


def upload(client: httpx.Client, *contents: bytes, suffix: str = "txt") -> list[str]:
    files = [("files", (f"{n}.{suffix}", content)) for n, content in enumerate(contents)]
    items = client.post("/v1/files", files=files).json()["items"]
    return [item["sha256"] for item in items]


def predict(client: httpx.Client, files: list[str], **body: Any) -> httpx.Response:
    return client.post("/v1/predictions", json={"files": files, "models": ["words"], **body})


def work(core: Core, *tags: str, model: str = "words") -> None:
    """Do all that is queued, as a worker does."""
    while claimed := claim(core, model=model):
        one = claimed[0]
        key = PartKey(one.sha256, one.revision, one.params_sha, fence=one.fence)
        name = f"{one.sha256}{one.suffix}"
        found = [Tag(0, 1000, tag, source_media=name) for tag in tags]
        core.parts.commit(key, [*found, Progress(name)])
        finish(core, one, num_tags=len(tags))


@pytest.fixture
def ann(served: Served) -> httpx.Client:
    offer(served.core, "words", types=("text",), params_schema=SCHEMA)
    return served.client("ann")


def test_a_prediction_goes_from_queued_to_its_tags(served: Served, ann: httpx.Client) -> None:
    (file,) = upload(ann, b"hello")
    asked = predict(ann, [file], params={"fps": 2})

    assert asked.status_code == 202
    (queued,) = asked.json()["predictions"]
    assert asked.headers["location"] == f"/v1/predictions/{queued['id']}"
    assert (queued["state"], queued["params"], queued["file"]["name"]) == (
        "queued",
        {"fps": 2},
        "0.txt",
    )
    assert ann.get(f"/v1/predictions/{queued['id']}/tags").status_code == 409
    work(served.core, "greeting", "greeting")

    done = ann.get(asked.headers["location"]).json()
    assert (done["state"], done["num_tags"]) == ("done", 2)
    tags = ann.get(f"/v1/predictions/{queued['id']}/tags")
    assert [json.loads(line)["type"] for line in tags.text.splitlines()] == ["tag"] * 2 + [
        "progress"
    ]
    assert json.loads(tags.text.splitlines()[0])["data"]["source_media"] == "0.txt"
    again = ann.get(
        f"/v1/predictions/{queued['id']}/tags", headers={"if-none-match": tags.headers["etag"]}
    )
    assert again.status_code == 304
    # the same content once more is done already
    repeated = predict(ann, [file], params={"fps": 2.0})
    assert (repeated.status_code, repeated.json()["predictions"][0]["id"]) == (200, queued["id"])


def test_all_that_is_wrong_is_said_together(ann: httpx.Client) -> None:
    (file,) = upload(ann, b"hello")
    answer = ann.post(
        "/v1/predictions",
        json={"files": [file], "models": ["words", "nothing"], "params": {"fps": "fast"}},
    )

    assert answer.status_code == 400
    assert len(answer.json()["errors"]) == 2
    assert predict(ann, ["0" * 64]).status_code == 404
    assert predict(ann, []).status_code == 422


def test_an_idempotency_key_makes_one_request_of_two(ann: httpx.Client) -> None:
    (file,) = upload(ann, b"hello")
    body = {"files": [file], "models": ["words"]}
    headers = {"idempotency-key": "a"}
    first = ann.post("/v1/predictions", json=body, headers=headers).json()
    second = ann.post("/v1/predictions", json=body, headers=headers).json()
    other = ann.post("/v1/predictions", json={**body, "params": {"fps": 1}}, headers=headers)

    assert first == second
    assert other.status_code == 409


def test_waiting_ends_when_it_is_done(served: Served, ann: httpx.Client) -> None:
    (file,) = upload(ann, b"hello")
    worker = threading.Timer(0.3, work, [served.core, "a"])
    worker.start()
    answer = ann.post(
        "/v1/predictions",
        json={"files": [file], "models": ["words"]},
        headers={"prefer": "wait=50"},
    )
    worker.join()

    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "wait"
    assert answer.elapsed.total_seconds() < 20


def test_predictions_are_cancelled_and_retried(served: Served, ann: httpx.Client) -> None:
    ids = [p["id"] for p in predict(ann, upload(ann, b"a", b"b", b"c")).json()["predictions"]]

    assert ann.post(f"/v1/predictions/{ids[0]}:cancel").json()["state"] == "cancelled"
    many = ann.post("/v1/predictions:cancel", json={"ids": ids[:2]}).json()["predictions"]
    assert [p["state"] for p in many] == ["cancelled"] * 2
    work(served.core)
    assert ann.post(f"/v1/predictions/{ids[2]}:cancel").status_code == 409
    assert ann.post(f"/v1/predictions/{ids[2]}:retry").status_code == 409
    assert ann.post(f"/v1/predictions/{ids[0]}:retry").json()["state"] == "queued"
    states = {
        p["id"]: p["state"]
        for p in ann.post("/v1/predictions:lookup", json={"ids": ids}).json()["predictions"]
    }
    assert states == dict(zip(ids, ["queued", "cancelled", "done"], strict=True))
    listed = ann.get("/v1/predictions", params={"state": ["queued", "done"]}).json()["items"]
    assert [p["id"] for p in listed] == [ids[2], ids[0]]
    assert (
        ann.get("/v1/predictions", params={"ids": f"{ids[1]},{ids[0]}"}).json()["items"][0]["id"]
        == ids[1]
    )


def test_anothers_prediction_does_not_exist(served: Served, ann: httpx.Client) -> None:
    (one,) = predict(ann, upload(ann, b"secret")).json()["predictions"]
    bob = served.client("bob")

    for method, path in [
        ("GET", ""),
        ("GET", "/tags"),
        ("GET", "/labels"),
        ("GET", "/page"),
        ("POST", ":cancel"),
        ("POST", ":retry"),
    ]:
        assert bob.request(method, f"/v1/predictions/{one['id']}{path}").status_code == 404
    assert bob.get("/v1/predictions").json()["items"] == []
    assert bob.post("/v1/predictions:lookup", json={"ids": [one["id"]]}).status_code == 404


def test_events_are_resumed_without_a_gap(served: Served, ann: httpx.Client) -> None:
    files = upload(ann, b"a", b"b")
    predict(ann, files[:1])
    work(served.core)
    seen: list[tuple[str, str]] = []

    def read(number: int, **headers: str) -> str:
        with httpx_sse.connect_sse(ann, "GET", "/v1/events?after=0", headers=headers) as source:
            for event in source.iter_sse():
                seen.append((event.event, event.json()["sha256"]))
                if len(seen) == number:
                    return event.id
        raise AssertionError("the stream ended")

    last = read(2)
    later = threading.Timer(0.3, lambda: predict(served.client("ann"), files[1:]))
    later.start()
    read(4, **{"last-event-id": last})
    later.join()

    kinds = ["prediction.queued", "prediction.running", "prediction.done", "prediction.queued"]
    assert seen == list(zip(kinds, [files[0]] * 3 + [files[1]], strict=True))
    # an id that no event can have counts as none
    with httpx_sse.connect_sse(
        ann, "GET", "/v1/events?after=0", headers={"last-event-id": "9" * 20}
    ) as source:
        assert next(source.iter_sse()).event == "prediction.queued"
    # nobody sees another's events
    assert served.client("bob").get("/v1/events?everybody=true").status_code == 403


def test_the_page_of_a_prediction_links_the_content(
    served: Served, ann: httpx.Client, repository: Path
) -> None:
    offer(served.core, "ocr", types=("video",))
    clip = (repository / "examples/media/clip.mp4").read_bytes()
    (file,) = upload(ann, clip, suffix="mp4")
    (one,) = predict(ann, [file], models=["ocr"]).json()["predictions"]
    work(served.core, "WELCOME", model="ocr")
    url = f"/v1/predictions/{one['id']}/page"
    page = ann.get(url)

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    data = json.loads(page.text.split('id="page-data">')[1].split("</script>")[0])
    (entry,) = data["files"]
    assert (entry["name"], entry["kind"], entry["tags"]) == ("0.mp4", "video", 1)
    linked = ann.get(str(page.url.join(entry["src"])))
    assert (linked.content, linked.headers["content-type"]) == (clip, "video/mp4")


def test_models_are_filtered(served: Served, ann: httpx.Client) -> None:
    offer(served.core, "ocr", types=("image", "video"), tags=("text",), fields={"line": {}})

    def names(**query: str) -> list[str]:
        return [m["name"] for m in ann.get("/v1/models", params=query).json()["items"]]

    assert names() == ["ocr", "words"]
    assert (
        names(type="video") == names(tag="text") == names(field="line") == names(q="oc") == ["ocr"]
    )
    assert ann.get("/v1/models/words").json()["params"] == SCHEMA
    assert ann.get("/v1/models/none").status_code == 404


def test_tag_lines_are_the_bytes_of_the_writer(tmp_path: Path) -> None:
    """Padding included: lines of all lengths around the pages of a file."""
    messages = [Tag(n, n, "x" * (n * 37 % 5000), source_media="a") for n in range(400)]
    with Writer(tmp_path / "tags.jsonl") as writer:
        for message in messages:
            writer.write(message)

    assert b"".join(tag_lines(messages)) == (tmp_path / "tags.jsonl").read_bytes()
