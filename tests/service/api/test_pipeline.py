"""The requests of the Abstracted Prediction Pipeline's web client."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from common_ml.service.auth.passwords import hash_password
from common_ml.service.operations import users
from tests.service.api.test_predictions import work
from tests.service.cores import offer

if TYPE_CHECKING:
    from collections.abc import Sequence

    import httpx

    from tests.service.api.conftest import Served


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def predict(
    client: httpx.Client,
    contents: Sequence[bytes],
    *,
    models: Sequence[str] = ("words",),
    model_type: str = "text",
) -> httpx.Response:
    files = [("objects", (f"{n}.txt", content)) for n, content in enumerate(contents)]
    form: dict[str, Any] = {"models": list(models), "model_type": model_type}
    return client.post("/model/predict", data=form, files=files)


@pytest.fixture
def ann(served: Served) -> httpx.Client:
    offer(served.core, "words", types=("text",), tags=("reading", "books"), fields={"line": {}})
    offer(served.core, "faces", types=("image", "video"))
    return served.client("ann")


def test_a_web_client_logs_in_from_another_site(served: Served) -> None:
    users.create(
        served.core, name="ann", roles=["investigator"], password_hash=hash_password("wonderland")
    )
    client = served.anonymous()
    origin = {"origin": "https://pipeline.example"}
    preflight = client.options(
        "/auth/login",
        headers={
            **origin,
            "access-control-request-method": "POST",
            "access-control-request-headers": "authorization,content-type",
        },
    )
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]

    form = {"username": "ann", "password": "wonderland", "grant_type": "password"}
    answer = client.post("/auth/login", data=form, headers=origin)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert {"token_type": "bearer"}.items() <= answer.json().items()
    bearer = {"authorization": f"Bearer {answer.json()['access_token']}", **origin}
    assert client.get("/auth/status", headers=bearer).json()["username"] == "ann"
    assert client.get("/auth/profile", headers=bearer).json()["roles"] == ["investigator"]
    assert client.get("/auth/status").status_code == 401
    wrong = client.post("/auth/login", data={**form, "password": "x"}, headers=origin)
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (401, "*")
    assert isinstance(wrong.json()["detail"], str)


def test_keys_are_made_listed_and_revoked(served: Served) -> None:
    ann = served.client("ann")
    made = ann.post("/auth/key", params={"detail": "script"}).json()
    script = served.anonymous()
    script.headers["API_KEY"] = made["key"]

    assert script.get("/auth/status").status_code == 200
    assert [k["detail"] for k in ann.get("/auth/key").json()["keys"]] == ["script", ""]
    assert ann.delete("/auth/key", params={"id": made["id"]}).json()["status"] == "success"
    assert script.get("/auth/status").status_code == 401


def test_objects_are_predicted_and_their_results_read(served: Served, ann: httpx.Client) -> None:
    answer = predict(ann, [b"a", b"b", b"a"])

    assert answer.json() == {"prediction objects": [md5(b"a"), md5(b"b")]}
    (pending,) = ann.post("/model/results", json=[md5(b"a")]).json()
    assert pending["detail"].startswith("Object has pending predictions.")
    work(served.core, "cat", "cat", "dog")
    first, unknown = ann.post("/model/results", json=[md5(b"a"), "0" * 32]).json()

    assert first == {
        "status": "success",
        "file_names": ["2.txt", "0.txt"],
        "hash_md5": md5(b"a"),
        "type": "text",
        "users": ["ann"],
        "metadata": f"text, 1 bytes, sha256 {hashlib.sha256(b'a').hexdigest()}",
        "models": {"words": {}},  # the test's worker counts no labels
        "errors": {},
        "text_content": "a",
        "tags": [],
        "user_role_able_to_tag": ["admin"],
    }
    assert unknown == {
        "status": "failure",
        "detail": "Unknown md5 hash specified.",
        "hash_md5": "0" * 32,
    }
    assert ann.post("/model/results", json=[]).json() == []
    (theirs,) = served.client("bob").post("/model/results", json=[md5(b"a")]).json()
    assert theirs["status"] == "failure"


def test_all_is_checked_before_anything_is_stored(served: Served, ann: httpx.Client) -> None:
    def detail(answer: httpx.Response) -> str:
        assert answer.status_code == 400
        return str(answer.json()["detail"])

    assert "must specify models" in detail(predict(ann, [b"a"], models=[]))
    wrong = detail(predict(ann, [b"a"], models=["faces", "nothing", "nobody"]))
    assert all(name in wrong for name in ("faces", "nothing", "nobody"))
    kinds = detail(predict(ann, [b"a", b"\x00\x01", b"P1 1 1 0\n"]))
    assert "1.txt is unknown" in kinds
    assert "2.txt is image" in kinds
    assert "0.txt" not in kinds
    assert "model_type" in detail(predict(ann, [b"a"], model_type="smell"))
    assert ann.get("/v1/files").json()["items"] == []
    assert [*served.core.settings.uploads.iterdir()] == []


def test_listings_are_as_the_client_expects(ann: httpx.Client) -> None:
    def get(path: str, **query: str) -> Any:
        return ann.get(path, params=query).json()

    assert get("/model/list") == get("/model/list/all") == {"models": ["faces", "words"]}
    assert get("/model/list", model_type="text") == get("/model/list/text") == {"models": ["words"]}
    assert get("/model/list/image") == get("/model/list/video") == {"models": ["faces"]}
    assert get("/model/all") == {
        "models": {
            "faces": {"fields": [], "type": "image,video"},
            "words": {"fields": ["line"], "type": "text"},
        }
    }
    assert get("/model/tags") == {"tags": {"faces": "", "words": "reading,books"}}
    assert get("/model/types") == {"tags": {"faces": "image,video", "words": "text"}}
