"""Who may call what: docs/service.md's tables, held against the application and its answers."""

from __future__ import annotations

import re
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from common_ml.service.api.app import create_app
from common_ml.service.api.dependencies import actor_of
from common_ml.service.api.server_state import Server
from common_ml.service.auth.rights import RIGHTS, ROLES
from common_ml.service.server import serving
from tests.service.api.conftest import Served
from tests.service.cores import make_core

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

PAGE = Path(__file__).resolve().parents[3] / "docs" / "service.md"
ANY_LOGIN = "any login"


def rows_of(heading: str) -> Iterator[list[str]]:
    """The cells of the rows below a line that begins a table of the page."""
    lines = iter(PAGE.read_text(encoding="utf-8").splitlines())
    assert any(line.startswith(f"| {heading} |") for line in lines)
    next(lines)
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip() for cell in line.strip("|").split("|")]


CALLS: dict[tuple[str, str], list[str]] = {
    (method, path): [] if needs == "nothing" else needs.replace("`", "").split(" and ")
    for needs, calls in rows_of("needs")
    for method, path in re.findall(r"`([A-Z]+) (/\S*)`", calls)
}
"""Method and path to the rights that the page says are needed."""
ROLE_NAMES = ("nobody", *ROLES)
HAVE: dict[str, set[str]] = {
    role: {row[0].strip("`") for row in rows_of("right") if row[2 + place] == "yes"}
    for place, role in enumerate(ROLES)
}
"""Each role's rights, as the page says."""


def routes_of(routes: list[Any]) -> Iterator[Any]:
    """All endpoints, also those of included routers."""
    for route in routes:
        if included := getattr(route, "original_router", None):
            yield from routes_of(included.routes)
        elif hasattr(route, "dependant"):
            yield route


def rights_asked(dependant: Any) -> Iterator[str]:
    """The rights that an endpoint's dependencies ask for."""
    for one in dependant.dependencies:
        if one.call is actor_of:
            yield ANY_LOGIN
        elif right := getattr(one.call, "right", None):
            yield right
        yield from rights_asked(one)


@pytest.fixture(scope="module")
def everybody(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all cases."""

    with ExitStack() as stack:
        core = stack.enter_context(make_core(tmp_path_factory.mktemp("roles")))
        server = Server(core)
        url = stack.enter_context(serving(server))
        yield Served(url, server, core, stack)


@pytest.fixture(scope="module")
def plain(everybody: Served) -> httpx.Client:
    """A client without a token."""
    return everybody.anonymous()


def test_the_page_says_what_each_role_may() -> None:
    assert [row[:2] for row in rows_of("right")] == [[f"`{r}`", w] for r, w in RIGHTS.items()]
    assert {role: set(rights) for role, rights in ROLES.items()} == HAVE


def test_the_page_has_every_call_and_what_it_needs() -> None:
    app = create_app(cast("Server", SimpleNamespace(cors_origins=(), metrics=None)))
    asked = {
        (method, route.path): set(rights_asked(route.dependant))
        for route in routes_of(app.routes)
        for method in route.methods
    }
    assert {call: set(rights) for call, rights in CALLS.items()} == asked
    assert len(asked) > 70


@pytest.mark.parametrize("role", ROLE_NAMES)
@pytest.mark.parametrize(("method", "path"), CALLS, ids=[" ".join(call) for call in CALLS])
def test_a_call_is_answered_or_refused(
    everybody: Served, plain: httpx.Client, method: str, path: str, role: str
) -> None:
    """With names of nothing and without a body: who passes gets another error than 401 or 403."""
    needs = CALLS[method, path]
    headers = {} if role == "nobody" else {"authorization": f"Bearer {everybody.token(role)}"}
    address = re.sub(r"\{username\}", role if method == "PATCH" else "unknown", path)
    address = re.sub(r"\{\w+\}", "0", address)
    with plain.stream(method, address, headers=headers) as answer:
        status = answer.status_code

    if role == "nobody":
        assert (status == 401) == bool(needs), status
        assert status != 403
    elif all(right == ANY_LOGIN or right in HAVE[role] for right in needs):
        assert status not in {401, 403}, status
    else:
        assert status == 403, status
