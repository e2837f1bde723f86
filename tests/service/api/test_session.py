"""Logins, sessions, keys and users over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from common_ml.service.api.logins import prepare_admin
from common_ml.service.auth.browser import is_forged
from common_ml.service.auth.passwords import hash_password
from common_ml.service.auth.rate_limit import FailureLimit
from common_ml.service.operations import audit, users

if TYPE_CHECKING:
    from tests.service.api.conftest import Served

PASSWORD = "correct horse"  # noqa: S105 - of tests
SAME_SITE = {"sec-fetch-site": "same-origin"}


def test_the_one_time_link_works_once(served: Served) -> None:
    token = prepare_admin(served.server, password=None)
    browser = served.anonymous()

    first = browser.post("/v1/session", json={"setup": token})
    second = served.anonymous().post("/v1/session", json={"setup": token})

    assert first.status_code == 200
    assert first.json()["roles"] == ["admin"]
    cookie = first.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert second.status_code == 401
    assert browser.get("/v1/session").json()["username"] == "admin"


def test_a_second_start_replaces_the_link_until_somebody_has_a_password(served: Served) -> None:
    first = prepare_admin(served.server, password=None)
    second = prepare_admin(served.server, password=None)
    assert served.anonymous().post("/v1/session", json={"setup": first}).status_code == 401

    browser = served.anonymous()
    browser.post("/v1/session", json={"setup": second}).raise_for_status()
    changed = browser.patch("/v1/users/me", json={"password": PASSWORD}, headers=SAME_SITE)

    assert changed.status_code == 200
    assert prepare_admin(served.server, password=None) is None


def test_the_password_of_the_environment_is_the_admins(served: Served) -> None:
    assert prepare_admin(served.server, password=PASSWORD) is None
    assert prepare_admin(served.server, password="another one") is None

    def login(password: str) -> int:
        form = {"username": "admin", "password": password}
        return served.anonymous().post("/v1/session", json=form).status_code

    assert (login("another one"), login(PASSWORD)) == (200, 401)
    with pytest.raises(ValueError, match="at least 8"):
        prepare_admin(served.server, password="short")


def test_failed_logins_are_limited_and_noted(served: Served) -> None:
    served.server.logins = FailureLimit(failures=3, per_seconds=1e6)
    users.create(served.core, name="ann", roles=["investigator"])
    client = served.anonymous()
    form = {"username": "ann", "password": "wrong"}
    statuses = [client.post("/v1/session", json=form).status_code for _ in range(4)]

    assert statuses == [401] * 3 + [429]
    answer = client.post("/v1/session", json=form)
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"
    assert [entry.action for entry in audit.entries(served.core)] == ["login.failed"] * 3


def test_a_cookie_from_another_site_cannot_change_anything(served: Served) -> None:
    users.create(
        served.core, name="ann", roles=["investigator"], password_hash=hash_password(PASSWORD)
    )
    browser = served.anonymous()
    browser.post("/v1/session", json={"username": "ann", "password": PASSWORD}).raise_for_status()

    def key(headers: dict[str, str]) -> int:
        return browser.post("/v1/tokens", json={}, headers=headers).status_code

    assert key({}) == 403
    assert key({"sec-fetch-site": "cross-site"}) == 403
    assert key({"sec-fetch-site": "same-site"}) == 403
    assert key({"origin": "https://evil.example"}) == 403
    assert key({"origin": served.url}) == 201
    assert key(SAME_SITE) == 201
    assert browser.get("/v1/session").status_code == 200
    # a page of another site may send tokens, which it must know, but no cookie
    assert served.client("ann").post("/v1/tokens", json={}).status_code == 201


def test_reading_is_never_forged() -> None:
    assert not is_forged("GET", {"sec-fetch-site": "cross-site"})
    assert is_forged("DELETE", {"origin": "null", "host": "a"})


def test_logging_out_ends_the_session_on_the_server(served: Served) -> None:
    users.create(
        served.core, name="ann", roles=["investigator"], password_hash=hash_password(PASSWORD)
    )
    browser = served.anonymous()
    browser.post("/v1/session", json={"username": "ann", "password": PASSWORD}).raise_for_status()
    stolen = dict(browser.cookies)

    assert browser.delete("/v1/session", headers=SAME_SITE).status_code == 204
    again = served.anonymous()
    again.cookies.update(stolen)
    assert again.get("/v1/session").status_code == 401


def test_a_key_has_a_subset_of_its_owners_rights(served: Served) -> None:
    ann = served.client("ann")
    made = ann.post("/v1/tokens", json={"name": "laptop", "rights": ["read", "keys"], "days": 1})
    assert made.status_code == 201
    small = served.anonymous()
    small.headers["authorization"] = f"Bearer {made.json()['token']}"

    assert small.get("/v1/session").json()["rights"] == ["keys", "read"]
    assert small.get("/v1/files").status_code == 200
    assert small.get("/v1/uploads").status_code == 403
    # a key makes no key with more rights than its own
    assert small.post("/v1/tokens", json={"rights": ["upload"]}).status_code == 403
    assert small.post("/v1/tokens", json={}).json()["rights"] == ["keys", "read"]
    assert small.patch("/v1/users/me", json={"password": PASSWORD}).status_code == 403
    assert ann.post("/v1/tokens", json={"rights": ["admin"]}).status_code == 403

    listed = ann.get("/v1/tokens").json()["items"]
    assert {t["name"]: t["rights"] for t in listed}["laptop"] == ["keys", "read"]
    assert not [t for t in listed if t["token"]]
    assert ann.delete(f"/v1/tokens/{made.json()['id']}").status_code == 204
    assert small.get("/v1/session").status_code == 401
    assert ann.delete("/v1/tokens/999").status_code == 404
    assert ann.delete("/v1/tokens/x").status_code == 404


@pytest.mark.parametrize("header", ["API_KEY", "X-API-Key"])
def test_a_key_may_come_in_a_header_of_its_own(served: Served, header: str) -> None:
    client = served.anonymous()
    client.headers[header] = served.token("ann")

    assert client.get("/v1/session").json()["username"] == "ann"


def test_users_are_managed_by_administrators(served: Served) -> None:
    admin, ann = served.client("admin"), served.client("ann")
    bob = {"username": "bob", "password": PASSWORD, "roles": ["researcher"]}

    assert ann.post("/v1/users", json=bob).status_code == 403
    assert admin.post("/v1/users", json=bob).status_code == 201
    assert admin.post("/v1/users", json=bob).status_code == 409
    assert [u["username"] for u in admin.get("/v1/users").json()["items"]] == [
        "admin",
        "ann",
        "bob",
    ]
    assert ann.patch("/v1/users/bob", json={"roles": ["admin"]}).status_code == 403
    assert ann.patch("/v1/users/me", json={"roles": ["admin"]}).status_code == 403
    assert admin.patch("/v1/users/bob", json={"disabled": True}).json()["disabled"]
    login = {"username": "bob", "password": PASSWORD}
    assert served.anonymous().post("/v1/session", json=login).status_code == 401
    assert admin.delete("/v1/users/bob").status_code == 204
    assert admin.delete("/v1/users/admin").status_code == 409  # the last one
    acts = [entry["action"] for entry in admin.get("/v1/audit").json()["items"]]
    assert acts[:2] == ["user.removed", "login.failed"]
    assert ann.get("/v1/audit").status_code == 403


def test_changing_ones_password_needs_the_old_one(served: Served) -> None:
    users.create(served.core, name="ann", roles=[], password_hash=hash_password(PASSWORD))
    ann = served.client("ann")

    wrong = ann.patch("/v1/users/me", json={"password": "x" * 8, "current_password": "y"})
    right = ann.patch("/v1/users/me", json={"password": "x" * 8, "current_password": PASSWORD})

    assert (wrong.status_code, right.status_code) == (403, 200)


def test_unknown_members_and_values_are_named_together(served: Served) -> None:
    answer = served.client("admin").post("/v1/users", json={"username": "a b", "extra": 1})

    assert answer.status_code == 422
    document = answer.json()
    assert {error["place"] for error in document["errors"]} == {"body.username", "body.extra"}
    assert document["request_id"] == answer.headers["x-request-id"]
