"""A system that is asked, in the running bridge: read by a job, and told of changes by webhooks (S2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from bridge.clock import now_ms
from bridge.directory.sources.asking import AskedSystem
from bridge.directory.sources.port import Hint, SourceError
from bridge.directory.sources.reader import SourceReader

_SUBSCRIPTION_MS = 30 * 60 * 1000
"""Between looks at whether the subscription is still there."""
_AT_A_TIME_MS = 5_000
"""For how long what is due is done one after the other."""
_AGAIN_MS = 60_000
"""After a look that failed."""


class Subscription(Protocol):
    """The webhooks of one system."""

    @property
    def key(self) -> str:
        """What the address ends with, where only the system may know it; empty where its name is enough."""

    async def keep(self) -> bool:
        """See that there is one. Returns whether one had to be made. Raises SourceError."""

    def hints(self, headers: Mapping[str, str], body: bytes) -> tuple[Hint | None, ...] | None:
        """What a webhook hints at, with None for "look at what changed"; None where it is not the system's."""


class Notes(Protocol):
    """What one system can show to its people."""

    @property
    def trouble(self) -> str:
        """Why the last note was not taken; empty where it was."""

    async def show(self, staff_id: str, text: Callable[[], str]) -> bool:
        """Show this to somebody, at most once; `text` is asked when it is sent, and nothing is where it is empty.

        Whether it is shown: not to somebody whom the system does not know. Raises SourceError.
        """


class RunningSource:
    """The connection, the reading and the subscription."""

    def __init__(
        self,
        api: AskedSystem,
        reader: SourceReader,
        subscription: Subscription,
        *,
        subscribes: bool,
        notes: Notes | None = None,
        clock: Callable[[], int] = now_ms,
    ) -> None:
        """`subscribes` is whether webhooks are wanted."""
        self.name = reader.source.name
        self.called = api.called
        self.reader = reader
        self.no_webhooks = ""
        """Why there is no subscription; empty where there is one or none is wanted."""
        self.notes = notes
        """What shows notes to its people; None where none are wanted."""
        self._api = api
        self._subscription = subscription
        self._subscribes = subscribes
        self._clock = clock
        self._look_ms = 0
        """When the subscription is looked at next."""

    async def run(self) -> None:
        """Do what is due. Raises StoreError."""
        until = self._clock() + _AT_A_TIME_MS
        while await self.reader.run() and self._clock() < until:
            pass
        now = self._clock()
        if not self._subscribes or now < self._look_ms:
            return
        try:
            if await self._subscription.keep():
                # Of what changed while there was none nobody told.
                self.reader.hint(None)
            self.no_webhooks, self._look_ms = "", now + _SUBSCRIPTION_MS
        except SourceError as error:
            self.no_webhooks, self._look_ms = str(error), now + _AGAIN_MS

    @property
    def address(self) -> str:
        """Where its webhooks come, below the address of all sources."""
        return f"{self.name}/{self._subscription.key}".rstrip("/")

    def webhook(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Take a webhook as a hint; whether it is the system's."""
        hints = self._subscription.hints(headers, body)
        for hint in hints or ():
            self.reader.hint(hint)
        return hints is not None

    async def close(self) -> None:
        """End the connection."""
        await self._api.close()
