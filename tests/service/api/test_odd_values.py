"""An odd value at every place of every request: no answer is our fault."""

from __future__ import annotations

import copy
import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from common_ml.service.api.server_state import Server
from common_ml.service.server import serving
from tests.service.api.conftest import Served
from tests.service.cores import make_core, offer
from tests.service.postgres import new_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow
ODD: list[Any] = [
    2**63,
    -(2**63) - 1,
    10**400,
    1e308,
    0.5,
    "9" * 3000,
    "NaN",
    "a\0b",
    "\ud800",
    "x" * 100_000,
    "2026-13-45",
    "",
    None,
    True,
    [],
    [[[]]],
    {"a": {"b": None}},
]
ENDLESS = "/v1/events"
"""Its answer never ends; test_found.py reads it."""
METHODS = ("get", "post", "put", "patch", "delete")


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def served(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Served]:
    """A server that can predict."""
    url = ""
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgres_server"))
    with ExitStack() as stack:
        core = stack.enter_context(make_core(tmp_path, database=url))
        offer(core, "words", types=("text",), fields={"line": {}})
        server = Server(core)
        url = stack.enter_context(serving(server))
        yield Served(url, server, core, stack)


def example(schema: dict[str, Any], document: dict[str, Any]) -> Any:
    """A value that a schema of the document allows, with all members that it names."""
    if "$ref" in schema:
        return example(document["components"]["schemas"][schema["$ref"].split("/")[-1]], document)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return example(schema[key][0], document)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        members = schema.get("properties", {})
        return {name: example(one, document) for name, one in members.items()}
    if schema.get("type") == "array":
        return [example(schema.get("items", {}), document)]
    plain = {"integer": max(1, schema.get("minimum", 1)), "number": 1.0, "boolean": True}
    return plain.get(schema.get("type", ""), "words")


def places(value: Any) -> Iterator[tuple[Any, ...]]:
    """The path of every value inside a JSON value, and of itself."""
    yield ()
    members = enumerate(value) if isinstance(value, list) else dict(value).items()
    for key, one in members:
        inner = places(one) if isinstance(one, (dict, list)) else [()]
        yield from ((key, *path) for path in inner)


def changed(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """The JSON value with another one at a place."""
    if not path:
        return odd
    made = copy.copy(value)
    made[path[0]] = changed(value[path[0]], path[1:], odd)
    return made


def spelt(value: Any) -> str:
    """A value in an address."""
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text[:3000].encode("utf-8", "surrogatepass"), safe="")


def requests_of(
    path: str, operation: dict[str, Any], document: dict[str, Any]
) -> Iterator[tuple[str, Any]]:
    """Addresses and bodies of an operation, with one odd value each."""
    known = {
        one["name"]: one
        for one in operation.get("parameters", ())
        if one["in"] in ("path", "query")
    }
    usual = {
        name: "1" if name == "prediction_id" else example(one["schema"], document)
        for name, one in known.items()
    }

    def address(values: dict[str, Any]) -> str:
        in_path = {n: spelt(v) for n, v in values.items() if known[n]["in"] == "path"}
        query = [f"{n}={spelt(v)}" for n, v in values.items() if known[n]["in"] == "query"]
        return path.format(**in_path) + ("?" + "&".join(query) if query else "")

    needed = {name: usual[name] for name, one in known.items() if one.get("required")}
    content = operation.get("requestBody", {}).get("content", {})
    body = None
    if "application/json" in content:
        body = example(content["application/json"]["schema"], document)
        for place in places(body):
            yield from ((address(needed), changed(body, place, odd)) for odd in ODD)
    for name in known:
        yield from ((address({**needed, name: odd}), body) for odd in ODD)


def test_no_odd_value_is_our_fault(served: Served) -> None:
    client = served.client("admin")
    document = client.get("/openapi.json").json()
    faults: list[str] = []
    num_sent = 0
    for path, methods in document["paths"].items():
        for method in METHODS if path != ENDLESS else ():
            for address, body in requests_of(path, methods.get(method, {}), document):
                sent = None if body is None else json.dumps(body).encode()
                headers = {"content-type": "application/json"}
                answer = client.request(method.upper(), address, content=sent, headers=headers)
                num_sent += 1
                if answer.status_code >= 500:
                    faults.append(f"{answer.status_code} {method} {address:.100} {sent!r:.300}")

    assert num_sent > 1000
    assert not faults, "\n".join(faults[:10])
