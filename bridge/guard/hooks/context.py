"""What all hooks of this process of Synapse go by."""

from __future__ import annotations

from datetime import date

from synapse.logging.context import current_context
from synapse.module_api import ModuleApi

from bridge.firm.facts import Facts
from bridge.guard.gate import Gate
from bridge.guard.hooks.worker_process import Follower
from bridge.guard.keeper import Keeper
from bridge.guard.refusals import Attempt


class HookContext:
    """The policy as far as this process knows it, and where it notes what it refused."""

    def __init__(self, gate: Gate, keeper: Keeper, following: Follower | None, api: ModuleApi) -> None:
        self.gate = gate
        self.api = api
        self._keeper = keeper
        self._following = following

    @property
    def facts(self) -> Facts | None:
        """What was told last; None before anything was."""
        policy = self._keeper.policy
        return policy.facts if policy else None

    @property
    def sure(self) -> Facts | None:
        """The same for letting somebody in or showing them something: only where nothing newer can be in force."""
        return self.facts if self._following is None else self._following.sure(self.facts)

    def wait_for_first(self) -> None:
        """Raise SynapseError in a worker that has not been told anything yet."""
        if self._following is not None:
            self._following.wait_for_first()

    def wait_until_sure(self) -> None:
        """Raise SynapseError in a worker that cannot be sure what is in force, such as what is under legal hold."""
        if self._following is not None:
            self._following.wait_until_sure()

    def today(self) -> date:
        """The firm's day; the earliest there is where that is not known."""
        policy = self._keeper.policy
        return policy.today() if policy else date.min

    def is_cut_off(self, user_id: str) -> bool:
        """Whether nothing is done for this account any more."""
        return self.gate.is_cut_off(user_id, self.facts)

    def note(self, tried: Attempt) -> None:
        """Note a refusal for the audit log. What `firm-bridge check` tries is meant to be refused."""
        if not self.gate.checker or tried.who != self.gate.checker:
            self._keeper.note(tried)


def requester() -> str:
    """As whom the request that is under way was sent; empty where there is none."""
    request = getattr(current_context(), "request", None)
    return str(request.requester or "") if request is not None else ""
