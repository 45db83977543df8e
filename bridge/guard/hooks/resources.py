"""The addresses inside Synapse at which the bridge speaks to the guard (bridge/guard/protocol.py)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from synapse.module_api import DirectServeJsonResource, ModuleApi, SynapseRequest
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.audit import Deed
from bridge.guard.farewells import Farewells
from bridge.guard.hooks.main_process import Workers
from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.processes import processes_behind
from bridge.guard.protocol import MAX_BYTES, PROCESSES_BEHIND, SIGNATURE_HEADER
from bridge.guard.refusals import Attempt, attempt

log = logging.getLogger(__name__)
_FORGED = frozenset({403, 413})
"""How those are answered who have not the key."""


class _Resource(DirectServeJsonResource):  # type: ignore[misc] # Synapse is not in the bridge's environment
    """An address for those who have the key."""

    def __init__(self, keeper: Keeper, note: Callable[[Attempt], None], api: ModuleApi) -> None:
        super().__init__()
        self._keeper = keeper
        self._note = note
        self._api = api

    async def _answer(self, work: Callable[[], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        with self._refusing():
            return 200, await self._api.defer_to_thread(work)

    @contextmanager
    def _refusing(self) -> Iterator[None]:
        try:
            yield
        except PushRefusedError as error:
            log.warning("The guard did not take what it was told: %s", error)
            if error.status in _FORGED:
                self._note(attempt(Deed.TRIED_TO_TELL_GUARD, "", "O1"))
            known = {} if error.version is None else {"version": error.version}
            raise SynapseError(error.status, str(error), error.errcode, known) from error
        except OSError as error:
            log.exception("The guard cannot write its policy")
            raise SynapseError(500, "The guard cannot write its policy.", Codes.UNKNOWN) from error


class _WorkersResource(_Resource):
    """One that is about the guards of all workers."""

    def __init__(self, keeper: Keeper, note: Callable[[Attempt], None], api: ModuleApi, workers: Workers) -> None:
        super().__init__(keeper, note, api)
        self._workers = workers


class PolicyResource(_WorkersResource):
    """The address at which the bridge tells the policy and asks for its version."""

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        _, taken = await self._answer(lambda: {"version": self._keeper.accept(body, _signature(request))})
        if behind := await self._workers.all_have(taken["version"]):
            log.warning("These processes of Synapse may still go by an older policy: %s", ", ".join(behind))
            raise SynapseError(409, processes_behind(behind), PROCESSES_BEHIND, taken)
        return 200, taken

    async def _async_render_GET(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        status, told = await self._answer(lambda: self._keeper.status(_signature(request)))
        return status, {**told, "processes": self._workers.standings()}


class ProcessesResource(_WorkersResource):
    """The address at which the guards of Synapse's workers ask for what is in force."""

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        with self._refusing():
            return 200, dict(await self._workers.answer(body))


class FactsResource(_Resource):
    """The address at which a bridge with an older database gets what it has lost."""

    async def _async_render_GET(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        return await self._answer(lambda: dict(self._keeper.facts(_signature(request))))


class RefusalsResource(_WorkersResource):
    """The address at which the bridge takes over what was refused, and says what it has."""

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        status, handed = await self._answer(lambda: dict(self._keeper.hand_over(body, _signature(request))))
        return status, {**handed, "others": self._workers.pages(body)}


class FarewellResource(_Resource):
    """The address at which the bridge says whose account it closes."""

    def __init__(self, keeper: Keeper, farewells: Farewells, note: Callable[[Attempt], None], api: ModuleApi) -> None:
        super().__init__(keeper, note, api)
        self._farewells = farewells

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        return await self._answer(lambda: self._farewells.take(body, _signature(request)))


def _signature(request: SynapseRequest) -> str:
    return str(request.getHeader(SIGNATURE_HEADER) or "")
