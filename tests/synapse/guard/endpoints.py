"""Every request that Synapse answers to clients, asked of its own code. Run by Synapse's Python, prints JSON.

{process: [[method, pattern of the path, class], …], …}, whatever is switched on or off by its configuration.
`only` is the one process of a Synapse without workers; `main`, `clients` and `media` are of one with them, as in
synapse-dev/workers.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest.mock import MagicMock

from synapse.rest import ClientRestResource, admin
from synapse.rest.client import media

WORKER = "synapse.app.generic_worker"


class Recorder:
    """Stands where Synapse keeps its routes."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str, str]] = set()

    def register_paths(self, method: str, path_patterns: Any, callback: Any, servlet_classname: str) -> None:
        """Note a route."""
        self.found.update((method, pattern.pattern, servlet_classname) for pattern in path_patterns)


def answered(app: str | None, *, clients: bool, files: bool) -> list[tuple[str, str, str]]:
    """What a process answers: one that is asked by clients, one that keeps files, or one that is both."""
    recorder = Recorder()
    for delegated in (False, True):
        server = MagicMock()
        server.config.worker.worker_app = app
        server.config.media.can_load_media_repo = files
        server.config.mas.enabled = server.config.experimental.msc3861.enabled = delegated
        if clients:
            ClientRestResource.register_servlets(recorder, server, ["client"])
            admin.register_servlets(server, recorder)
        if files:
            media.register_servlets(server, recorder)
            admin.register_servlets_for_media_repo(server, recorder)
    return sorted(recorder.found)


def main() -> None:
    """Print them."""
    every = {
        "only": answered(None, clients=True, files=True),
        "main": answered(None, clients=True, files=False),
        "clients": answered(WORKER, clients=True, files=False),
        "media": answered(WORKER, clients=False, files=True),
    }
    json.dump(every, sys.stdout)


if __name__ == "__main__":
    main()
