"""nginx of synapse-dev sends each request to a process that answers it, by Synapse's own code (R2)."""

from __future__ import annotations

import re

from tests.synapse.guard.test_former_members import endpoints, paths
from tests.synapse.workers.services import NGINX_CONF

FOR_THE_WRITER = ("/sendToDevice/", "/typing/", "/presence/", "/pushrules/", "/receipt/", "/read_markers")
"""Synapse answers these in any process, and fails where another one writes what they lead to."""


async def test_R2_each_request_is_sent_to_a_process_that_answers_it() -> None:
    rules = [
        (re.compile(rule), process)
        for rule, process in re.findall(r"~(\S+) (\w+);", NGINX_CONF.read_text(encoding="utf-8"))
    ]
    answered = await endpoints()
    used: set[str] = set()
    unanswered: set[tuple[str, str, str]] = set()
    for method, pattern in answered["only"]:
        for path in paths(pattern):
            found = next(((rule.pattern, process) for rule, process in rules if rule.search(path)), ("", "main"))
            used.add(found[0])
            unwritten = found[1] == "clients" and any(part in path for part in FOR_THE_WRITER)
            if unwritten or (method, pattern) not in answered[found[1]]:
                unanswered.add((found[1], method, path))
    assert unanswered == set()
    # Of files below this path Synapse has no such list.
    assert {rule.pattern for rule, _ in rules} - used == {"^/_matrix/media/"}
