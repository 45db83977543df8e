"""Smokeball as a source of the directory: what is read whole, what in changes, and what in turns."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any
from urllib.parse import quote

import structlog

from bridge import faults
from bridge.clock import now_ms
from bridge.directory.smokeball.api import SmokeballApi, listed, named
from bridge.directory.smokeball.mirror import MIRROR, Mirror, contact_of, kept, mirror_of, version_of
from bridge.directory.smokeball.policies import (
    ALL_MATTERS,
    NOT_FOUND,
    Look,
    any_policy,
    barred_in,
    denied_in,
    doubted,
    unclear,
    with_policy,
)
from bridge.directory.smokeball.records import GIVES, Principals, gone_with, numbers_of, records_of_mirror
from bridge.directory.smokeball.webhooks import ticks
from bridge.directory.sources.asking import Json, NotAnsweredError, RequestFailedError, in_flight, together
from bridge.directory.sources.cleaning import truth
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.keeping import keep_read, records_of, unpacked
from bridge.directory.sources.port import Capabilities, Hint, SourceError, SourceRead
from bridge.settings import SmokeballSettings
from bridge.store.engine.store import Store

log = structlog.get_logger(__name__)
_OVERLAP_TICKS = 5 * 60 * 10_000_000
"""How far before the newest change known the next reading begins, in ticks of 100 nanoseconds."""
_VERIFIED = 50
"""People and matters missing from a list that are looked for one by one; of more it is believed, and then held."""
LOOKS = "looks"
"""A hint at what no list says of a matter: its deny-list, roles and archive."""
BARS = "bars"
"""A hint at the own policy of a user or a group, and of all matters."""
_AT_ONCE = 4
"""Matters and principals looked at in one turn, so that what a webhook tells never waits long."""
_KEPT_AT_ONCE = 200
"""Things of the mirror that are written in one transaction."""


class SmokeballSource:
    """The port `Source` over Smokeball's API."""

    name = "smokeball"
    capabilities = Capabilities(GIVES, changes=True)

    def __init__(
        self, settings: SmokeballSettings, store: Store, api: SmokeballApi, clock: Callable[[], int] = now_ms
    ) -> None:
        self._clock = clock
        self._settings = settings
        self._store = store
        self._api = api
        self._mirror: Mirror | None = None
        self._any_found = False
        """Whether a policy of any matter was found when records were made last."""
        self._numbers: dict[str, str] = {}
        """The numbers of matters then."""
        self._principals: Principals | None = None

    async def read(self, cursor: str = "") -> SourceRead:
        mirror = await self._loaded()
        mirror.all_differ = mirror.all_differ or not cursor
        since = {"UpdatedSince": str(max(0, int(cursor) - _OVERLAP_TICKS))} if cursor else {}
        matters: list[Json] = []

        async def read_matters() -> None:
            mirror.put_contacts(await self._api.whole("/contacts", since, contact_of))
            matters.extend(await self._api.whole("/matters", since, partial(kept, "matters")))

        await together(self._read_people(mirror), read_matters())
        mirror.put("matters", matters, whole=not cursor)
        if not cursor:
            await self._drop_missing(mirror, "matters", "/matters", {one["id"] for one in matters})
        # A time to come would pass over what changes until then, also where Smokeball's clock is behind.
        latest = ticks(self._clock() / 1000) + _OVERLAP_TICKS
        newest = max(one for one in (0, int(cursor or 0), *map(version_of, matters)) if one < latest)
        return await self._said(mirror, str(newest) if newest else "")

    async def verify(self, hints: Sequence[Hint]) -> SourceRead | None:
        mirror = await self._loaded()
        if any(hint.kind in {"staff", "groups"} for hint in hints):
            await self._read_people(mirror)
        failed: list[tuple[Hint, SourceError]] = []

        async def look(hint: Hint) -> None:
            try:
                with _as_described(f"{hint.kind} {hint.id}"):
                    await self._verify(mirror, hint)
            except (NotAnsweredError, RequestFailedError) as error:
                # One that cannot be read never keeps the others waiting.
                failed.append((hint, error))

        await in_flight(hints, look)
        if len(failed) == len(hints):
            await self._believe(mirror, failed)
        for hint, why in failed:
            self._doubt(mirror, hint, why)
        if not (mirror.differ or mirror.all_differ):
            # The times of the looks, so that a new start goes on with those that are due.
            await self._keep(mirror)
            return None
        return await self._said(mirror, None)

    def in_turn(self, now: int) -> Sequence[Hint]:
        if self._mirror is None:
            return ()
        before = now - self._settings.policy_minutes * 60_000
        pressing = heapq.nsmallest(_AT_ONCE, self._due(self._mirror, before, now))
        return [Hint(kind, one) for _, _, kind, one in pressing]

    def _due(self, mirror: Mirror, before: int, now: int) -> Iterator[tuple[int, int, str, str]]:
        """What was not looked at since a time: who is kept out of many matters first; then the open matters, and those
        looked at the longest ago."""

        def at(look: Look | None) -> int:
            return look.at if look is not None and look.reference == self._settings.policy_reference else 0

        # What is of a time to come was looked at before the clock was set back.
        for principal, look in mirror.bars.items():
            if not before < (looked := at(look)) <= now:
                yield 0, looked, BARS, principal
        for key in mirror.matters:
            if not before < (looked := at(mirror.looks.get(key))) <= now:
                yield 1 if key in mirror.open_matters else 2, looked, LOOKS, key

    async def _loaded(self) -> Mirror:
        if self._mirror is None:
            rows = await self._store.read(records_of, MIRROR)
            self._mirror = await asyncio.to_thread(_mirror_of_rows, rows)
        return self._mirror

    async def _read_people(self, mirror: Mirror) -> None:
        staff = await self._api.whole("/staff", keep=partial(kept, "staff"))
        mapped = listed(await self._api.get("/firmusers"), "/firmusers")
        users = [kept("users", one) for one in named(mapped)]
        groups = await self._api.whole("/groups", keep=partial(kept, "groups"))
        mirror.put("staff", staff)
        mirror.put("users", users)
        mirror.put("groups", groups)
        await self._drop_missing(mirror, "staff", "/staff", {one["id"] for one in staff})
        for record_id in mirror.users.keys() - {one["id"] for one in users}:
            # Whoever has left has not come back because no list names them, and one without an id may be anybody.
            if len(users) == len(mapped) and not mirror.users[record_id].get("isFormerUser"):
                mirror.drop("users", record_id)
        await self._drop_missing(mirror, "groups", "/groups", {one["id"] for one in groups})
        principals = mirror.principals()
        for gone in mirror.bars.keys() - principals:
            mirror.drop(BARS, gone)
        # Whoever is new is known with what they must not see.
        failed: list[tuple[Hint, SourceError]] = []

        async def look(principal: str) -> None:
            try:
                await self._look_at_bar(mirror, principal)
            except (NotAnsweredError, RequestFailedError) as error:
                failed.append((Hint(BARS, principal), error))
                if not len(failed) % _AT_ONCE:
                    await self._believe(mirror, [*failed])
            if len(mirror.changed) >= _KEPT_AT_ONCE:
                # So that a first reading that is ended goes on where it was.
                await self._keep(mirror)

        await in_flight(sorted(principals - mirror.bars.keys()), look)
        for hint, why in failed:
            self._doubt(mirror, hint, why)

    async def _drop_missing(self, mirror: Mirror, kind: str, path: str, listed: set[str]) -> None:
        """Whoever a list leaves out is looked for before they count as gone (S2, S3)."""
        missing = sorted(getattr(mirror, kind).keys() - listed)
        for record_id in missing:
            try:
                one = await self._api.get(f"{path}/{record_id}") if len(missing) <= _VERIFIED else None
            except NotAnsweredError:
                # In no list any more, and refused where it was (410 for one): it is not there.
                one = None
            except SourceError as error:
                # Which says nothing of it. Where nothing is answered at all, the lists that follow are not either.
                log.warning("source_record_not_read", source=self.name, kind=kind, id=record_id, reason=str(error))
                continue
            # There, and without an id as perhaps in the list, it is what was asked for.
            if not (isinstance(one, dict) and one.get("id", "") in (None, record_id)):
                mirror.drop(kind, record_id)
            else:
                mirror.put(kind, [kept(kind, {**one, "id": record_id})])

    async def _verify(self, mirror: Mirror, hint: Hint) -> None:
        if hint.kind == BARS:
            await self._look_at_bar(mirror, hint.id)
        elif hint.kind == LOOKS:
            await self._look_at(mirror, hint.id, mirror.matters.get(hint.id))
        elif hint.kind == "matters":
            await self._look_at(mirror, hint.id, await self._api.get(f"/matters/{hint.id}"))
        elif hint.kind == "contacts" and (contact := await self._api.get(f"/contacts/{hint.id}")):
            mirror.put_contacts([contact_of(contact)])

    async def _believe(self, mirror: Mirror, failed: Sequence[tuple[Hint, SourceError]]) -> None:
        """See that another matter can still be looked at, where each of these failed.

        Raises SourceError where it cannot: nobody is shut out because Smokeball fails for a while.
        """
        failures = [error for _, error in failed if isinstance(error, RequestFailedError)]
        if not failures or len(failures) < len(failed):
            return
        named = {hint.id for hint, _ in failed}
        seen = [(look.at, key) for key, look in mirror.looks.items() if not look.doubted and key not in named]
        if not seen:
            raise failures[0]
        _, other = max(seen)
        with _as_described(f"matters {other}"):
            await self._verify(mirror, Hint("matters", other))

    def _doubt(self, mirror: Mirror, hint: Hint, why: SourceError) -> None:
        """Note that something was looked at and could not be seen."""
        log.warning("source_record_not_read", source=self.name, kind=hint.kind, id=hint.id, reason=str(why))
        of_all = mirror.bars.get(ALL_MATTERS)
        if hint == Hint(BARS, ALL_MATTERS) and of_all is not None and not of_all.doubted:
            # What it said last stays, of matters that were known then (S1).
            now = self._clock()
            mirror.put_bar(ALL_MATTERS, replace(of_all, at=now, unanswered=of_all.unanswered or now))
        elif hint.kind == BARS:
            self._put_bar(mirror, hint.id, {})
        elif hint.kind in {"matters", LOOKS} and hint.id in mirror.matters:
            before = mirror.looks.get(hint.id)
            look = Look(self._clock(), reference=self._settings.policy_reference)
            if before is not None:
                look = replace(look, roles=before.roles, archived=before.archived)
            mirror.put_look(hint.id, doubted(look, before))

    async def _look_at_bar(self, mirror: Mirror, principal: str) -> None:
        """What a user's or a group's own policy denies them, or that of all matters to anybody."""
        self._put_bar(mirror, principal, await self._policy(principal))

    def _put_bar(self, mirror: Mirror, principal: str, policy: Any) -> None:
        look, before = Look(self._clock(), reference=self._settings.policy_reference), mirror.bars.get(principal)
        of_all = principal == ALL_MATTERS
        denied = denied_in(policy, principal) if of_all else barred_in(policy, principal)
        if policy is not NOT_FOUND and denied is None and not of_all:
            mirror.put_bar(principal, unclear(look, before))
            return
        turn_ms = self._settings.policy_minutes * 60_000
        mirror.put_bar(principal, with_policy(look, policy, denied, before, mirror.looks.values(), turn_ms))

    async def _policy(self, reference: str) -> Any:
        return await self._api.get(f"/policies/{quote(reference, safe='')}")

    async def _look_at(self, mirror: Mirror, matter_id: str, matter: dict[str, Any] | None) -> None:
        if matter is None:
            mirror.drop("matters", matter_id)
            return
        reference = self._settings.policy_reference.format(matter=matter_id)
        # First who must not see it, then the matter: it is never put open by what was so before.
        policy = await self._policy(reference)
        roles = ((await self._api.get(f"/matters/{matter_id}/roles")) or {}).get("roles") or ()
        archived = ((await self._api.get(f"/matters/{matter_id}/archive")) or {}).get("isArchived")
        await self._read_contacts(mirror, matter, roles)
        mirror.put("matters", [kept("matters", matter)])
        others = [one for one in roles if not (one.get("isClient") or one.get("isOtherSide"))]
        look = Look(
            self._clock(),
            roles=tuple((str(one.get("name") or "Other"), _id_of(one.get("contact"))) for one in others),
            archived=bool(archived) and truth(archived) is not False,
            reference=self._settings.policy_reference,
        )
        before = mirror.looks.get(matter_id)
        others_looks = (one for other, one in mirror.looks.items() if other != matter_id)
        turn_ms = self._settings.policy_minutes * 60_000
        mirror.put_look(
            matter_id, with_policy(look, policy, denied_in(policy, matter_id), before, others_looks, turn_ms)
        )

    async def _read_contacts(self, mirror: Mirror, matter: dict[str, Any], roles: Iterable[dict[str, Any]]) -> None:
        """The names of contacts that came after the list was read."""
        links = [
            *(matter.get("clients") or ()),
            *(matter.get("otherSides") or ()),
            *(one.get("contact") for one in roles),
        ]
        for contact_id in {_id_of(link) for link in links} - {""} - mirror.contacts.keys():
            if contact := await self._api.get(f"/contacts/{contact_id}"):
                mirror.put_contacts([contact_of(contact)])

    async def _said(self, mirror: Mirror, cursor: str | None) -> SourceRead:
        """What follows from the mirror, checked; the mirror is kept first. Raises SourceError.

        Of matters that differ from before those alone, but where what is the same for all of them changed.
        """
        deny, reference = self._settings.deny, self._settings.policy_reference
        any_found = any_policy(mirror.looks.values(), reference)
        numbers = self._numbers
        if mirror.numbers_differ:
            numbers = await asyncio.to_thread(numbers_of, mirror)
            mirror.differ |= {key for key, number in numbers.items() if number != self._numbers.get(key)}
        if mirror.people_differ or self._principals is None:
            self._principals, mirror.people_differ = await asyncio.to_thread(Principals, mirror), False
        made_of = partial(records_of_mirror, mirror, deny, reference, numbers=numbers, principals=self._principals)
        differ = sorted(mirror.differ)
        whole = mirror.all_differ or any_found != self._any_found
        # Until all of it was checked and kept.
        mirror.all_differ = True
        with _as_described("its records"):
            records = await asyncio.to_thread(made_of, None if whole else differ)
        good, flaws = await asyncio.to_thread(sorted_out, self.name, records)
        await self._keep(mirror)
        faults.point("smokeball.mirrored")
        self._any_found, self._numbers = any_found, numbers
        mirror.all_differ = mirror.numbers_differ = False
        mirror.differ.clear()
        made = {(one.kind, one.id) for one in records}
        gone = () if whole else tuple(one for each in differ for one in gone_with(each) if one not in made)
        return SourceRead(good, whole=whole, cursor=cursor, gone=gone, flaws=flaws)

    async def _keep(self, mirror: Mirror) -> None:
        # A part of it is no harm: what follows from it is said when all of it is there.
        while some := sorted(mirror.changed)[:_KEPT_AT_ONCE]:
            news = mirror.news(some)
            # What changes while it is written is written again.
            mirror.changed.difference_update(some)
            try:
                await self._store.run(keep_read, MIRROR, news, self._clock())
            except BaseException:
                mirror.changed.update(some)
                raise


def _id_of(link: Any) -> str:
    return str(link.get("id") or "") if isinstance(link, dict) else ""


@contextmanager
def _as_described(what: str) -> Iterator[None]:
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = f"What Smokeball says of {what} is not what its description says ({type(error).__name__})."
        raise NotAnsweredError(message) from error


def _mirror_of_rows(rows: Iterable[tuple[str, str, str, bool]]) -> Mirror:
    return mirror_of(one.record for one in unpacked(rows) if not one.gone)
