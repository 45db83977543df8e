"""Telling the guard what it must know, before anything is done that it will judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any

import orjson
import structlog

from bridge.firm.conversation import Conversation
from bridge.firm.facts import BRIDGE_URL, TIMEZONE, Facts, records_of, with_changes
from bridge.firm.file_rules import MEGABYTE, FileRules
from bridge.firm.model import Firm
from bridge.guard.protocol import PATH, is_signed, sign_asking_facts, sign_facts, sign_push, sign_question
from bridge.matrix.errors import (
    GuardAway,
    GuardKnowsMore,
    HomeserverError,
    PolicyOutdated,
    Refused,
    TokenRejected,
    Unreachable,
)
from bridge.matrix.port import Homeserver
from bridge.reconcile.restoring import Restoring
from bridge.settings import FileRuleSettings, Settings
from bridge.store.conversations import conversation_by_id, load_world, staff_by_localpart
from bridge.store.kept import GUARD_VERSION, keep, kept
from bridge.store.store import Store

log = structlog.get_logger(__name__)
_REST_SECONDS = 10.0
"""How long a guard that could not be told is not told again by those who do not depend on it."""
Records = dict[str, dict[str, Any]]
_OF_THE_FIRM = ("staff", "group", "matter", "wall")


def stored_facts() -> tuple[dict[str, str], dict[str, Conversation]]:
    """Accounts by localpart and all conversations, in one unit."""
    world = load_world()
    return {account.localpart: staff_id for staff_id, account in world.accounts.items()}, world.conversations


def facts_of(firm: Firm, accounts: dict[str, str], conversations: dict[str, Conversation], settings: Settings) -> Facts:
    """What the guard must know."""
    said = {TIMEZONE: settings.firm.timezone, BRIDGE_URL: settings.appservice.url}
    return Facts(firm, accounts, conversations, said, rules_of(settings.file_rules))


def rules_of(settings: FileRuleSettings) -> FileRules:
    """The firm's rules about files (V4)."""
    return FileRules(
        settings.max_megabytes * MEGABYTE,
        settings.programs,
        frozenset(settings.forbidden),
        frozenset(settings.allowed),
        settings.encrypted,
    )


class Guarding:
    """Keeps the guard's knowledge as new as the bridge's own. Does nothing where no guard is installed.

    Unreachable means that the homeserver does not answer, and GuardAway that its guard is not there or does not take
    what it is told.
    """

    def __init__(self, store: Store, homeserver: Homeserver, settings: Settings, firm: Callable[[], Firm]) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._key = settings.guard.key.get_secret_value()
        self._lock = asyncio.Lock()
        self._told: Records | None = None
        """What the guard knows; None where that is not certain."""
        self._told_firm: Firm | None = None
        self._version = 0
        """Of what the guard said that it has."""
        self._restoring = Restoring(store, homeserver, settings, firm)
        self.on_put_back: Callable[[], None] | None = None
        """Called where the guard has an older version than it once said: the homeserver was put back from a backup."""
        self.away: HomeserverError | None = None
        """Why it could not be told the last time; None where it could."""
        self._rests_until = 0.0

    async def told(
        self, *keys: str, everything: bool = False, within: float | None = None, anew: bool = False
    ) -> HomeserverError | None:
        """Tell what changed in the firm, the accounts and these conversations, or everywhere.

        Returns why that could not be done, or None where the guard knows. What adds then has to wait, and what only
        takes away goes on. It takes no longer than `within` seconds. A guard that could not be told a moment ago counts
        as away without being asked, unless `anew`. Raises TokenRejected.
        """
        if not self._key:
            return None
        try:
            async with asyncio.timeout(within), self._lock:
                if self.away is not None and not anew and time.monotonic() < self._rests_until:
                    return self.away
                await (self._tell_all() if everything else self._tell(*keys))
        except TokenRejected:
            raise
        except TimeoutError:
            # What was under way may have arrived.
            self._told = None
            self.away = GuardAway(Unreachable(f"POST {PATH}", 0, "M_UNKNOWN", f"no answer within {within:.0f} seconds"))
        except HomeserverError as error:
            self.away = error
        else:
            self.away = None
            return None
        self._rests_until = time.monotonic() + _REST_SECONDS
        log.warning("guard_not_told", reason=str(self.away))
        return self.away

    async def _tell(self, *keys: str) -> None:
        # What is told is read under the lock, so that what comes later is never the older.
        if self._told is None:
            await self._tell_everything()
            return
        firm = self._firm()
        accounts, conversations = await self._store.run(lambda: _some_facts(keys))
        ids = dict.fromkeys(_OF_THE_FIRM) if firm is not self._told_firm else {}
        facts = facts_of(firm if ids else Firm(), accounts, conversations, self._settings)
        await self._tell_changes(facts, {**ids, "account": None, "conversation": keys}, firm)

    async def _tell_all(self) -> None:
        if self._told is None:
            await self._tell_everything()
            return
        firm = self._firm()
        facts = facts_of(firm, *await self._store.run(stored_facts), self._settings)
        await self._tell_changes(facts, dict.fromkeys(self._told), firm)

    async def confirm(self) -> None:
        """See that the guard still knows what it was told, and tell it everything where it does not.

        Somebody may have deleted its file, or another process of the bridge may have told it something older. Raises
        HomeserverError.
        """
        if not self._key:
            return
        async with self._lock:
            version = await self._guards_version()
            if self._told is None or version != self._version:
                log.warning("guard_told_again", version=version)
                await self._tell_everything()
            self.away = None

    async def _tell_changes(self, facts: Facts, looked_at: Mapping[str, Collection[str] | None], firm: Firm) -> None:
        """Tell what differs of these kinds of records, of some of them the ids given."""
        assert self._told is not None
        now = records_of(facts)
        put: Records = {}
        drop: dict[str, list[str]] = {}
        for kind, only in looked_at.items():
            told, new = self._told[kind], now[kind]
            ids = told.keys() | new.keys() if only is None else set(only)
            if changed := {i: new[i] for i in ids if i in new and new[i] != told.get(i)}:
                put[kind] = changed
            if gone := [i for i in ids if i in told and i not in new]:
                drop[kind] = gone
        if put or drop:
            version = self._next_version()
            try:
                await self._push({"version": version, "base": self._version, "put": put, "drop": drop})
            except PolicyOutdated:
                await self._tell_everything()
                return
            self._told = {
                kind: {i: data for i, data in {**told, **put.get(kind, {})}.items() if i not in drop.get(kind, ())}
                if kind in put or kind in drop
                else told
                for kind, told in self._told.items()
            }
            self._version = version
        self._told_firm = firm

    async def _tell_everything(self) -> None:
        await self._compare_versions()
        firm = self._firm()
        records = records_of(facts_of(firm, *await self._store.run(stored_facts), self._settings))
        version = self._next_version()
        try:
            await self._push({"version": version, "records": records})
        except PolicyOutdated:
            version = await self._guards_version() + 1
            try:
                await self._push({"version": version, "records": records})
            except PolicyOutdated as error:
                raise GuardAway(error) from error
        self._told, self._version, self._told_firm = records, version, firm
        log.info("guard_told", version=version)

    async def _compare_versions(self) -> None:
        """See which side is older, before the guard is told to forget what it knows (R3)."""
        version, noted = await self._guards_version(), await self._store.run(_noted_version)
        if noted is not None and version > noted:
            try:
                facts = await self._guards_facts()
            except Unreachable as error:
                raise GuardKnowsMore(error) from error
            await self._restoring.take_over(version, facts)
        if version < self._version:
            log.error("homeserver_put_back", guard_version=version, told=self._version)
            self._version = version
            if self.on_put_back is not None:
                self.on_put_back()

    async def _guards_facts(self) -> Facts:
        """All that the guard knows. Raises GuardAway, also where it is too old to say, and Unreachable."""
        try:
            answer = await self._homeserver.guard_facts(sign_asking_facts(self._key))
            told, signature = answer["facts"], answer["signature"]
            if not is_signed(sign_facts(self._key, told), signature):
                raise Refused("facts", 403, "M_FORBIDDEN", "The guard's facts are not signed with guard.key.")
            return with_changes(Facts(), orjson.loads(told)["records"], {})
        except (HomeserverError, KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, Unreachable):
                raise
            known = error if isinstance(error, HomeserverError) else Refused("facts", 200, "M_UNKNOWN", str(error))
            raise GuardAway(known) from error

    async def _guards_version(self) -> int:
        """The version that the guard has; 0 for none. Raises GuardAway and Unreachable."""
        try:
            status = await self._homeserver.guard_status(sign_question(self._key))
        except HomeserverError as error:
            self._told = None
            if isinstance(error, Unreachable):
                raise
            raise GuardAway(error) from error
        return int(status.get("version", 0))

    async def _push(self, said: dict[str, Any]) -> None:
        """Push, and lose certainty of what the guard knows where that fails. Raises PolicyOutdated, GuardAway and
        Unreachable."""
        body = orjson.dumps(said)
        # Before it is told, so that a guard that knows more was told by another bridge, or this store is an older one.
        await self._store.run(partial(keep, GUARD_VERSION, str(said["version"])))
        try:
            await self._homeserver.push_policy(body, sign_push(self._key, body))
        except HomeserverError as error:
            self._told = None
            if isinstance(error, PolicyOutdated | Unreachable):
                raise
            raise GuardAway(error) from error

    def _next_version(self) -> int:
        """Higher than any before, also than those of the bridge before its restart."""
        return max(self._version + 1, time.time_ns() // 1_000_000)


def _some_facts(keys: Collection[str]) -> tuple[dict[str, str], dict[str, Conversation]]:
    found = [conversation for key in keys if (conversation := conversation_by_id(key)) is not None]
    return staff_by_localpart(), {conversation.id: conversation for conversation in found}


def _noted_version() -> int | None:
    """A unit: the highest version that the guard may have been told; None where an older version of the bridge told it.

    A database in which nothing is yet has told it nothing.
    """
    noted = kept(GUARD_VERSION)
    return int(noted) if noted else (None if staff_by_localpart() else 0)
