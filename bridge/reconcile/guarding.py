"""Telling the guard what it must know, before anything is done that it will judge."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, Protocol

import orjson
import structlog

from bridge import __version__
from bridge.firm.conversation import Conversation
from bridge.firm.facts import BRIDGE_URL, OF_THE_FIRM, TIMEZONE, Facts, firm_changes, records_of, with_changes
from bridge.firm.files.rules import MEGABYTE, FileRules
from bridge.firm.model import Firm
from bridge.guard.protocol import (
    FORM,
    OTHER_RELEASE,
    PATH,
    form_of,
    is_signed,
    other_release,
    sign_asking_facts,
    sign_facts,
    sign_farewell,
    sign_push,
    sign_question,
)
from bridge.matrix.errors import (
    BadRequestError,
    ForbiddenError,
    GuardAwayError,
    GuardKnowsMoreError,
    HomeserverError,
    PolicyOutdatedError,
    TokenRejectedError,
    UnreachableError,
)
from bridge.matrix.port import GuardRequests, RoomRequests
from bridge.reconcile.guard_processes import GuardProcess, read_processes, trouble_with
from bridge.reconcile.restoring import Restoring
from bridge.settings import FileRuleSettings, Settings
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit
from bridge.store.record.kept import GUARD_VERSION, keep, kept
from bridge.store.rooms.accounts import AccountsChanged, staff_by_localpart
from bridge.store.rooms.world import conversations_with_people, read_world

log = structlog.get_logger(__name__)
REST_SECONDS = 10.0
"""How long a guard that could not be told is not told again by those who do not depend on it."""
Records = dict[str, dict[str, Any]]
Digests = dict[str, dict[str, int]]


class _Guarded(GuardRequests, RoomRequests, Protocol):
    """What it takes to tell the guard, and to take over from it what a backup lost."""


async def stored_facts(store: Store) -> tuple[dict[str, str], dict[str, Conversation]]:
    """Accounts by localpart and all conversations."""
    world = await read_world(store)
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

    UnreachableError means that the homeserver does not answer, and GuardAwayError that its guard is not there or does
    not take what it is told.
    """

    def __init__(self, store: Store, homeserver: _Guarded, settings: Settings, firm: Callable[[], Firm]) -> None:
        self._store = store
        self._homeserver = homeserver
        self._settings = settings
        self._firm = firm
        self._key = settings.guard.key.get_secret_value()
        self._lock = asyncio.Lock()
        self._told: Digests | None = None
        """Of what the guard knows besides the firm; None where that is not certain."""
        self._account_changes = 0
        self._accounts_told = -1
        """The count of changes to accounts that the guard was last told of."""
        store.listen(self._hear)
        self._told_firm: Firm | None = None
        self.told_version = 0
        """Of what the guard was told, as it said that it has it."""
        self._restoring = Restoring(store, homeserver, settings, firm)
        self.on_put_back: Callable[[], None] | None = None
        """Called where the guard has an older version than it once said: the homeserver was put back from a backup."""
        self.away: HomeserverError | None = None
        """Why it could not be told the last time; None where it could."""
        self.unconfirmed: HomeserverError | None = None
        """Why it could not be seen to know what it was told the last time; None where it could."""
        self.processes: tuple[GuardProcess, ...] = ()
        """The workers of Synapse, as they stood when the guard was asked last."""
        self._rests_until = 0.0

    async def told(
        self, *keys: str, everything: bool = False, within: float | None = None, anew: bool = False
    ) -> HomeserverError | None:
        """Tell what changed in the firm, the accounts and these conversations, or everywhere.

        Returns why that could not be done, or None where the guard knows. What adds then has to wait, and what only
        takes away goes on. It takes no longer than `within` seconds. A guard that could not be told a moment ago counts
        as away without being asked, unless `anew`. Raises TokenRejectedError.
        """
        if not self._key:
            return None
        try:
            async with asyncio.timeout(within), self._lock:
                if self.away is not None and not anew and time.monotonic() < self._rests_until:
                    return self.away
                await (self._tell_all() if everything else self._tell(*keys))
        except TokenRejectedError:
            raise
        except TimeoutError:
            # What was under way may have arrived.
            self._told = None
            self.away = GuardAwayError(
                UnreachableError(f"POST {PATH}", 0, "M_UNKNOWN", f"no answer within {within:.0f} seconds")
            )
        except HomeserverError as error:
            self.away = error
        else:
            self.away = None
            return None
        self._rests_until = time.monotonic() + REST_SECONDS
        log.warning("guard_not_told", reason=str(self.away))
        return self.away

    async def _tell(self, *keys: str) -> None:
        # What is told is read under the lock, so that what comes later is never the older.
        if self._told is None:
            await self._tell_everything()
            return
        firm = self._firm()
        # Counted before they are read, so that one that is added meanwhile is told the next time.
        count = self._account_changes
        new = count != self._accounts_told
        accounts = await self._store.read(staff_by_localpart) if new else {}
        conversations = await self._store.read(conversations_with_people, keys)
        facts = facts_of(Firm(), accounts, conversations, self._settings)
        await self._tell_changes(facts, {"conversation": keys, **({"account": None} if new else {})}, firm, count)

    async def _tell_all(self) -> None:
        if self._told is None:
            await self._tell_everything()
            return
        firm, count = self._firm(), self._account_changes
        facts = facts_of(Firm(), *await stored_facts(self._store), self._settings)
        await self._tell_changes(facts, dict.fromkeys(self._told), firm, count)

    async def confirm(self) -> bool:
        """See that the guard still knows what it was told, and tell it everything where it does not.

        Somebody may have deleted its file, or another process of the bridge may have told it something older. Returns
        whether it is back, after it was away or did not answer. Raises HomeserverError.
        """
        was_away = self.away or self.unconfirmed
        try:
            await self._confirm()
        except HomeserverError as error:
            self.unconfirmed = error
            raise
        self.unconfirmed = None
        return was_away is not None

    @property
    def trouble(self) -> str:
        """Why nothing can be begun that the guard must judge, or not by every process; empty where all is well."""
        return str(self.unconfirmed or self.away or trouble_with(self.processes))

    async def _confirm(self) -> None:
        if not self._key:
            return
        async with self._lock:
            version = await self._guards_version()
            if self._told is None or version != self.told_version:
                log.warning("guard_told_again", version=version)
                await self._tell_everything()
            self.away = None

    async def say_farewell(self, user_id: str) -> None:
        """Say that this leaver's account is about to be closed, once the guard knows all that the bridge knows (F2)."""
        if not self._key:
            return
        if (untold := await self.told()) is not None:
            raise untold
        async with self._lock:
            body = orjson.dumps({"user": user_id, "version": self.told_version})
            try:
                await self._homeserver.guard_farewell(body, sign_farewell(self._key, body))
            except HomeserverError as error:
                if isinstance(error, UnreachableError):
                    raise
                if isinstance(error, PolicyOutdatedError):
                    self._told = None
                raise GuardAwayError(error) from error

    async def _tell_changes(
        self, facts: Facts, looked_at: Mapping[str, Collection[str] | None], firm: Firm, accounts: int
    ) -> None:
        """Tell what differs in the firm, and of these kinds of other records, of some of them the ids given.

        `accounts` is the count of changes to accounts before they were read.
        """
        assert self._told is not None
        assert self._told_firm is not None
        work = partial(_changes, self._told, self._told_firm, facts, looked_at, firm)
        # Beside the event loop, as all that grows with the firm.
        large = firm is not self._told_firm or None in looked_at.values()
        put, drop, told = await asyncio.to_thread(work) if large else work()
        if put or drop:
            version = self._next_version()
            try:
                await self._push({"version": version, "base": self.told_version, "put": put, "drop": drop})
            except PolicyOutdatedError:
                await self._tell_everything()
                return
            self._told, self.told_version = told, version
        self._told_firm, self._accounts_told = firm, accounts

    async def _tell_everything(self) -> None:
        await self._compare_versions()
        firm, accounts = self._firm(), self._account_changes
        facts = facts_of(firm, *await stored_facts(self._store), self._settings)
        records = await asyncio.to_thread(records_of, facts)
        version = self._next_version()
        try:
            await self._push({"version": version, "records": records})
        except PolicyOutdatedError:
            version = await self._guards_version() + 1
            try:
                await self._push({"version": version, "records": records})
            except PolicyOutdatedError as error:
                raise GuardAwayError(error) from error
        self._told = {kind: _digests(table) for kind, table in records.items() if kind not in OF_THE_FIRM}
        self.told_version, self._told_firm, self._accounts_told = version, firm, accounts
        log.info("guard_told", version=version)

    async def _compare_versions(self) -> None:
        """See which side is older, before the guard is told to forget what it knows (R3)."""
        version, noted = await self._guards_version(), await self._store.read(_noted_version)
        if noted is not None and version > noted:
            try:
                facts = await self._guards_facts()
            except UnreachableError as error:
                raise GuardKnowsMoreError(error) from error
            await self._restoring.take_over(version, facts)
        if version < self.told_version:
            log.error("homeserver_put_back", guard_version=version, told=self.told_version)
            self.told_version = version
            if self.on_put_back is not None:
                self.on_put_back()

    async def _guards_facts(self) -> Facts:
        """All that the guard knows. Raises GuardAwayError, also where it is too old to say, and UnreachableError."""
        try:
            answer = await self._homeserver.guard_facts(sign_asking_facts(self._key))
            told, signature = answer["facts"], answer["signature"]
            if not is_signed(sign_facts(self._key, told), signature):
                raise ForbiddenError("facts", 403, "M_FORBIDDEN", "The guard's facts are not signed with guard.key.")
            return with_changes(Facts(), orjson.loads(told)["records"], {})
        except (HomeserverError, KeyError, TypeError, AttributeError, ValueError) as error:
            if isinstance(error, UnreachableError):
                raise
            known = (
                error if isinstance(error, HomeserverError) else ForbiddenError("facts", 200, "M_UNKNOWN", str(error))
            )
            raise GuardAwayError(known) from error

    def _hear(self, news: Sequence[object]) -> None:
        if any(isinstance(one, AccountsChanged) for one in news):
            self._account_changes += 1

    async def _guards_version(self) -> int:
        """The version that the guard has; 0 for none. Raises GuardAwayError and UnreachableError."""
        try:
            status = await self._homeserver.guard_status(sign_question(self._key))
        except HomeserverError as error:
            self._told = None
            if isinstance(error, UnreachableError):
                raise
            raise GuardAwayError(error) from error
        if form_of(status) != FORM:
            self._told = None
            told = other_release(str(status.get("release", "another release")), __version__)
            raise GuardAwayError(BadRequestError(f"GET {PATH}", 200, OTHER_RELEASE, told))
        self.processes = read_processes(status)
        return int(status.get("version", 0))

    async def _push(self, said: dict[str, Any]) -> None:
        """Push, and lose certainty of what the guard knows where that fails. Raises PolicyOutdatedError, GuardAwayError
        and UnreachableError."""
        body = orjson.dumps({"form": FORM, "release": __version__, **said})
        # Before it is told, so that a guard that knows more was told by another bridge, or this store is an older one.
        await self._store.run(keep, GUARD_VERSION, str(said["version"]))
        try:
            await self._homeserver.push_policy(body, sign_push(self._key, body))
        except HomeserverError as error:
            self._told = None
            if isinstance(error, PolicyOutdatedError | UnreachableError):
                raise
            raise GuardAwayError(error) from error

    def _next_version(self) -> int:
        """Higher than any before, also than those of the bridge before its restart."""
        return max(self.told_version + 1, time.time_ns() // 1_000_000)


def _noted_version(unit: ReadUnit) -> int | None:
    """The highest version that the guard may have been told; None where an older version of the bridge told it.

    A database in which nothing is yet has told it nothing.
    """
    noted = kept(unit, GUARD_VERSION)
    return int(noted) if noted else (None if staff_by_localpart(unit) else 0)


def _changes(
    told: Digests, told_firm: Firm, facts: Facts, looked_at: Mapping[str, Collection[str] | None], firm: Firm
) -> tuple[Records, dict[str, list[str]], Digests]:
    """What to put and to drop, and the digests of what the guard knows then."""
    put, drop = firm_changes(told_firm, firm)
    now, after = records_of(facts), dict(told)
    for kind, only in looked_at.items():
        table, known, new = now[kind], told[kind], _digests(now[kind])
        ids = known.keys() | new.keys() if only is None else set(only)
        changed = {one for one in ids if one in new and new[one] != known.get(one)}
        gone = [one for one in ids if one in known and one not in new]
        if changed:
            put[kind] = {one: table[one] for one in changed}
        if gone:
            drop[kind] = gone
        if changed or gone:
            after[kind] = {**known, **{one: new[one] for one in changed}}
            for one in gone:
                del after[kind][one]
    return put, drop, after


def _digests(table: Mapping[str, Any]) -> dict[str, int]:
    """A number for each record, the same for the same content: the records of a large firm fill much memory."""
    return {one: hash(orjson.dumps(record, option=orjson.OPT_SORT_KEYS)) for one, record in table.items()}
