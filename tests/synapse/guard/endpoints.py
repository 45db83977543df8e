"""Every request that Synapse answers to clients, asked of its own code. Run by Synapse's Python, prints JSON.

[[method, pattern of the path, class], …], whatever is switched on or off by its configuration; with `worker`, only what
a process that is not the main one answers.
"""

from __future__ import annotations

import json
import sys
from typing import Any
from unittest.mock import MagicMock

from synapse.rest import ClientRestResource, admin
from synapse.rest.client import media


class Recorder:
    """Stands where Synapse keeps its routes."""

    def __init__(self) -> None:
        self.found: set[tuple[str, str, str]] = set()

    def register_paths(self, method: str, path_patterns: Any, callback: Any, servlet_classname: str) -> None:
        """Note a route."""
        self.found.update((method, pattern.pattern, servlet_classname) for pattern in path_patterns)


def main() -> None:
    """Print them."""
    recorder = Recorder()
    app = "synapse.app.generic_worker" if sys.argv[1:] == ["worker"] else None
    for delegated in (False, True):
        server = MagicMock()
        server.config.worker.worker_app = app
        server.config.mas.enabled = server.config.experimental.msc3861.enabled = delegated
        ClientRestResource.register_servlets(recorder, server)
        for register in (media.register_servlets, admin.register_servlets):
            register(server, recorder)
    json.dump(sorted(recorder.found), sys.stdout)


if __name__ == "__main__":
    main()
