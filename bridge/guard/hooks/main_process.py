"""In Synapse's main process: answering the guards of its workers, and waiting for them (bridge/guard/processes.py)."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

from synapse.logging.context import PreserveLoggingContext, make_deferred_yieldable
from synapse.module_api import ModuleApi
from twisted.internet.defer import Deferred

from bridge.guard.keeper import Keeper
from bridge.guard.processes import Processes
from bridge.guard.relay import WorkerAnswer, answer_in_json, read_question

log = logging.getLogger(__name__)
_LONGEST_SILENCE = 2.0
"""Seconds after which a worker is answered that there is nothing new, well below its lease."""
_LONGEST_WAIT = 2.0
"""Seconds for which the bridge waits for all workers to have what it told: what takes access away waits no longer."""
_MAIN = frozenset({"main", "master"})
"""Synapse's names for its main process."""


class Workers:
    """What the guards of the workers ask, and what they have. Of Synapse's main thread."""

    def __init__(self, keeper: Keeper, processes: Processes, key: str, api: ModuleApi) -> None:
        self._keeper = keeper
        self._processes = processes
        self._key = key
        self._api = api
        self._expected = workers_of(api)
        self._pages: dict[str, tuple[str, int, dict[str, str]]] = {}
        """What of each list of refusals waits: its worker, its last number, and the page, by the list's id."""
        self._taken: dict[str, int] = {}
        """Up to where the bridge has each list."""
        self._told = _Bell(api)
        """Rung where workers must be told something."""
        self._asked = _Bell(api)
        """Rung where a worker has asked, and so said what it has."""

    async def answer(self, body: bytes) -> dict[str, str]:
        """The answer to a worker's question. Raises PushRefusedError and OSError."""
        question = read_question(body, self._key)
        self._processes.asked(question.run, question.name, question.version)
        spool, taken = self._note_page(question.name, question.page)
        self._asked.ring()
        policy = self._keeper.policy
        if (policy.version if policy else 0) == question.version and taken == self._taken.get(spool, 0):
            await self._told.wait(_LONGEST_SILENCE)
        version, pushes = await self._api.defer_to_thread(self._keeper.pushes_after, question.version)
        return answer_in_json(WorkerAnswer(question.nonce, version, pushes, self._taken.get(spool, 0)), self._key)

    async def all_have(self, version: int) -> tuple[str, ...]:
        """Tell the workers, wait a moment until they all have it, and name those that may still go by an older one."""
        self._told.ring()
        end = self._api._hs.get_clock().time() + _LONGEST_WAIT
        while behind := self._processes.behind(version):
            left = end - self._api._hs.get_clock().time()
            if left <= 0:
                break
            # Leases end without anybody asking.
            await self._asked.wait(min(left, 0.2))
        return behind

    def pages(self, body: bytes) -> list[dict[str, str]]:
        """What of the workers' refusals the bridge does not have yet, given its question, which was found signed."""
        self._taken.update({str(spool): int(number) for spool, number in json.loads(body).get("others", {}).items()})
        self._told.ring()
        return [page for spool, (_, last, page) in self._pages.items() if last > self._taken.get(spool, 0)]

    def standings(self) -> list[dict[str, Any]]:
        """Each worker that is known or expected (bridge/guard/processes.py)."""
        return self._processes.standings(self._expected)

    def _note_page(self, name: str, page: dict[str, str] | None) -> tuple[str, int]:
        """Keep what a worker hands over. Returns the list's id, and up to where it knows that the bridge has it."""
        if page is None:
            return "", 0
        told = json.loads(page["page"])
        spool = str(told["spool"])
        self._pages = {known: kept for known, kept in self._pages.items() if kept[0] != name or known == spool}
        self._pages[spool] = name, int(told["last"]), page
        return spool, int(told["after"])


class _Bell:
    """Wakes all who wait for it."""

    def __init__(self, api: ModuleApi) -> None:
        self._reactor = api._hs.get_reactor()
        self._waiting: set[Deferred[None]] = set()

    def ring(self) -> None:
        waiting, self._waiting = self._waiting, set()
        with PreserveLoggingContext():
            for one in waiting:
                one.callback(None)

    async def wait(self, seconds: float) -> None:
        """Wait for it, so long at most."""
        one: Deferred[None] = Deferred()
        self._waiting.add(one)
        late = self._reactor.callLater(seconds, partial(_end, one, self._waiting.discard))
        await make_deferred_yieldable(one)
        if late.active():
            late.cancel()


def _end(one: Deferred[None], forget: Callable[[Deferred[None]], None]) -> None:
    forget(one)
    if not one.called:
        with PreserveLoggingContext():
            one.callback(None)


def workers_of(api: ModuleApi) -> tuple[str, ...]:
    """The names of the worker processes that this Synapse's configuration gives work to, in order.

    Each loads the guard, if it has the same configuration. One with a configuration of its own may not.
    """
    config = api._hs.config.worker
    pushing, federating = config.pusher_shard_config.instances, config.federation_shard_config.instances
    return tuple(sorted({*config.instance_map, *pushing, *federating} - _MAIN))
