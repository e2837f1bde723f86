"""Whatever the OpenAPI document allows, and much that it does not: no answer is our fault."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode, openapi

from common_ml.service.api.app import create_app
from common_ml.service.api.server_state import Server
from common_ml.service.server import serving
from tests.service.api.conftest import Served
from tests.service.cores import make_core, offer

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.slow
EXAMPLES = 12
"""Of each operation; the operations are some seventy."""
ENDLESS = "/v1/events"
"""Its answer never ends; test_found.py reads it."""
SCHEMA = openapi.from_dict(
    create_app(cast("Server", SimpleNamespace(cors_origins=(), metrics=None))).openapi()
)
OPERATIONS = {
    operation.label: operation
    for operation in (cast("Any", result).ok() for result in SCHEMA.get_all_operations())
    if operation.path != ENDLESS
}
CONTENT = b"one two three"


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, dict[str, Any]]]:
    """A server with something in it, and what the names in addresses may stand for."""
    with ExitStack() as stack:
        core = stack.enter_context(make_core(tmp_path_factory.mktemp("fuzz")))
        offer(core, "words", types=("text",), fields={"line": {}})
        server = Server(core)
        url = stack.enter_context(serving(server))
        served = Served(url, server, core, stack)
        client = served.client("admin")
        (file,) = client.post("/v1/files", files={"files": ("a.txt", CONTENT)}).json()["items"]
        body = {"files": [file["sha256"]], "models": ["words"]}
        (prediction,) = client.post("/v1/predictions", json=body).json()["predictions"]
        yield (
            served,
            {
                "digest": file["sha256"],
                "prediction_id": prediction["id"],
                "name": "words",
                "model_type": "text",
            },
        )


def test_the_document_has_all_operations() -> None:
    assert len(OPERATIONS) > 60


@pytest.mark.parametrize("label", OPERATIONS)
def test_no_answer_is_a_fault_of_the_server(
    stocked: tuple[Served, dict[str, Any]], label: str
) -> None:
    served, known = stocked
    headers = {"Authorization": f"Bearer {served.token('admin')}"}
    operation = OPERATIONS[label]
    in_bodies = {
        "files": [known["digest"]],
        "models": [known["name"]],
        "ids": [known["prediction_id"]],
        "predictions": [known["prediction_id"]],
    }
    cases = st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in GenerationMode))

    @settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases, is_known=st.booleans())
    def ask(case: Any, *, is_known: bool) -> None:
        if is_known and case.path_parameters:
            case.path_parameters |= {
                name: known[name] for name in case.path_parameters if name in known
            }
        if is_known and isinstance(case.body, dict):
            case.body |= {name: in_bodies[name] for name in case.body if name in in_bodies}
        answer = case.call(base_url=served.url, headers=headers, timeout=20)
        assert answer.status_code < 500, f"{answer.status_code} {answer.text}"

    ask()
