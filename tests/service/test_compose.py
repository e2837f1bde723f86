"""examples/service: what its files say is what the command, the settings and the image have."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest
import typer
import yaml

from common_ml.cli.app import app
from common_ml.service.models.offers import read_offers
from common_ml.service.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

VARIABLES = {"ADMIN_PASSWORD": "a" * 8, "DATABASE_PASSWORD": "b", "STORE_PASSWORD": "c" * 8}


@pytest.fixture
def folder(repository: Path) -> Path:
    """The example."""
    return repository / "examples" / "service"


@pytest.fixture
def compose(folder: Path) -> Any:
    """The document, with variables filled in as compose does it."""
    text = (folder / "compose.yaml").read_text(encoding="utf-8")
    filled = re.sub(r"\$\{(\w+):\?\}", lambda found: VARIABLES[found[1]], text)
    return yaml.safe_load(filled)


def options_of(command: str, *, folder: Path) -> dict[str, Any]:
    """What `common-ml` reads from the words of a command, without doing it."""
    verb, *words = shlex.split(command)
    group: Any = typer.main.get_command(app)
    context = group.commands[verb].make_context(verb, words)
    assert (folder / context.params["models_file"].name).exists()
    return dict(context.params)


def test_server_and_two_workers_are_started_with_options_that_exist(
    compose: Any, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    services = compose["services"]
    commands = {name: one["command"] for name, one in services.items() if "build" in one}
    assert sorted(commands) == ["server", "worker-1", "worker-2"]
    monkeypatch.chdir(folder)
    for name, command in commands.items():
        for variable, value in services[name]["environment"].items():
            monkeypatch.setenv(variable, value)
        options = options_of(command, folder=folder)
        settings = Settings(options["data"], options["database"], options["store"])
        assert settings.database_url == "postgresql+psycopg://tags:b@database/tags"
        assert settings.store_address == "s3://tags/service"
        if name == "server":
            assert (options["host"], options["workers"]) == ("0.0.0.0", 0)  # noqa: S104 - expected
            assert services[name]["ports"] == [f"127.0.0.1:8000:{options['port']}"]


def test_what_is_waited_for_and_mounted_is_there(compose: Any) -> None:
    services = compose["services"]
    for one in services.values():
        assert set(one.get("depends_on", ())) <= set(services)
        for volume in one.get("volumes", ()):
            assert volume.partition(":")[0] in compose["volumes"]
    assert "healthcheck" in services["database"]


def test_the_image_has_the_taggers_that_are_offered(folder: Path, repository: Path) -> None:
    containerfile = (folder / "Containerfile").read_text(encoding="utf-8")
    copied = dict(re.findall(r"^COPY (\S+)/\*\.py (\S+)/$", containerfile, flags=re.MULTILINE))
    (offer,) = read_offers(folder / "models.toml")
    assert offer.name == "shots"
    targets = re.findall(r'^target = "(.*)"$', (folder / "models.toml").read_text(), re.MULTILINE)
    assert targets == list(copied.values())
    assert all((repository / source / "main.py").exists() for source in copied)
