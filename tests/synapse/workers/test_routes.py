"""nginx of synapse-dev sends to a worker only what Synapse's own code has a worker answer (R2)."""

from __future__ import annotations

import re

from tests.synapse.guard.test_former_members import KNOWN, endpoints, paths
from tests.synapse.workers.services import NGINX_CONF

# Synapse answers these in any process, and fails where another one writes what they lead to.
FOR_THE_WRITER = ("/sendToDevice/", "/typing/", "/presence/", "/pushrules/", "/receipt/", "/read_markers")


async def test_R2_no_worker_is_sent_what_only_the_main_process_answers() -> None:
    to_workers = [re.compile(rule) for rule in re.findall(r"~(\S+) clients;", NGINX_CONF.read_text(encoding="utf-8"))]
    assert to_workers
    every = [line.split(" ", 1) for line in KNOWN.read_text(encoding="utf-8").splitlines()]
    known = [(method, pattern, path) for method, pattern in every for path in paths(pattern)]
    sent = {one for one in known if any(rule.search(one[2]) for rule in to_workers)}
    answered = set(await endpoints("worker"))
    assert {path for method, pattern, path in sent if (method, pattern) not in answered} == set()
    assert {path for _, _, path in sent if any(part in path for part in FOR_THE_WRITER)} == set()
    # Each rule is for something.
    assert [rule.pattern for rule in to_workers if not any(rule.search(path) for _, _, path in sent)] == []
