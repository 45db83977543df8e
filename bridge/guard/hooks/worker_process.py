"""In a worker of Synapse: deciding by what the guard in the main process knows, and by nothing older than its lease."""

from __future__ import annotations

import json
import logging
import secrets

from synapse.http.client import ReplicationClient
from synapse.module_api import DirectServeJsonResource, ModuleApi, SynapseRequest
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.facts import Facts
from bridge.guard.clock import boot_time
from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.processes import LEASE_SECONDS
from bridge.guard.protocol import PROCESSES_PATH, sign_page
from bridge.guard.relay import WorkerQuestion, question_in_json, read_answer

log = logging.getLogger(__name__)
_MAIN = f"synapse-replication://master{PROCESSES_PATH}"
"""As Synapse's processes name the main one to their client."""
_AGAIN_MS = 300
"""After a question that was not answered."""
_LATER = "This part of the firm's server does not know the firm's rules at the moment. Try again shortly."


class Follower:
    """Asks the main process's guard as long as Synapse runs, and gives it what was refused here."""

    def __init__(self, keeper: Keeper, key: str, name: str, api: ModuleApi) -> None:
        self._keeper = keeper
        self._key = key
        self._name = name
        self._api = api
        self._client: ReplicationClient = api._hs.get_replication_client()
        self._run = secrets.token_hex(8)
        self._heard = -LEASE_SECONDS
        """When the last question was asked that was answered."""
        self._met = False
        self._taken = 0
        self._trouble = ""
        api.looping_background_call(self._follow, _AGAIN_MS, desc="firm_bridge_follow", run_on_all_instances=True)

    def sure(self, facts: Facts | None) -> Facts | None:
        """What is known, as long as it is sure that nothing newer is in force: nobody comes in by anything older."""
        return facts if self._holds_lease() else None

    def wait_for_first(self) -> None:
        """Raise SynapseError until something is known: what has a client ask again."""
        if not self._met:
            raise _later()

    def wait_until_sure(self) -> None:
        """Raise the same while something newer may be in force."""
        if not self._holds_lease():
            raise _later()

    def _holds_lease(self) -> bool:
        return boot_time() - self._heard < LEASE_SECONDS

    async def _follow(self) -> None:
        try:
            while True:
                await self._ask()
                if self._trouble:
                    log.info("The guard in the main process answers again")
                self._trouble = ""
        except Exception as error:  # noqa: BLE001 - whatever it was: it is said, and asked again in a moment
            if repr(error) != self._trouble:
                log.warning("The guard in the main process does not answer: nobody comes in by this one: %r", error)
            self._trouble = repr(error)

    async def _ask(self) -> None:
        asked_at, policy = boot_time(), self._keeper.policy
        page = await self._api.defer_to_thread(self._page)
        nonce = secrets.token_hex(8)
        question = WorkerQuestion(self._name, self._run, nonce, policy.version if policy else 0, page)
        told = await self._client.post_json_get_json(_MAIN, question_in_json(question, self._key))
        answer = read_answer(json.dumps(told).encode(), question, self._key)
        if answer.version != question.version or answer.pushes:
            try:
                await self._api.defer_to_thread(self._keeper.follow, answer.version, answer.pushes)
            except PushRefusedError:
                # What is known here leads nowhere: all of it is asked for.
                self._keeper.policy = None
                raise
        self._taken, self._heard, self._met = answer.taken, asked_at, True

    def _page(self) -> dict[str, str]:
        """What waits for the audit log, signed for the bridge."""
        spool = self._keeper.spool
        page = {**spool.page(spool.id, self._taken), "process": self._name, "after": self._taken}
        text = json.dumps(page)
        return {"page": text, "signature": sign_page(self._key, text)}


def _later() -> SynapseError:
    return SynapseError(429, _LATER, Codes.LIMIT_EXCEEDED, {"retry_after_ms": 500})


class ElsewhereResource(DirectServeJsonResource):  # type: ignore[misc] # Synapse is not in the bridge's environment
    """Says to a bridge that came to the wrong process where it should ask."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self._name = name

    async def _async_render(self, request: SynapseRequest) -> None:
        raise SynapseError(
            421,
            f"This is Synapse's process {self._name}. Have the proxy send what is below /_synapse/client/firm-bridge to"
            " the main process.",
            Codes.UNKNOWN,
        )
