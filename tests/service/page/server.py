"""A server with a worker, each a process of its own: `python -m tests.service.page.server`."""

from __future__ import annotations

import sys
from pathlib import Path

from common_ml.service.api.logins import prepare_admin
from common_ml.service.api.server_state import Server
from common_ml.service.core import open_core
from common_ml.service.server import address_of, listen, make_server
from common_ml.service.settings import Settings
from common_ml.service.webhooks import WebhookSender
from common_ml.service.worker.processes import WorkerProcesses


def main(data: str, port: str, *taggers: str) -> None:
    """Serve the taggers on the data; prints the address, and the one-time token if there is one."""
    listener = listen("127.0.0.1", int(port))
    with open_core(Settings(Path(data), allow_private_webhooks=True)) as core:
        server = Server(core)
        token = prepare_admin(server, password=None)
        sys.stdout.write(f"{address_of(listener)} {token or ''}\n")
        sys.stdout.flush()
        with WebhookSender(core), WorkerProcesses([*taggers, "--data", data]):
            make_server(server).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
