"""Accounts of the staff: what each should be, what differs, and its application (F2, F3)."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Iterable, Iterator, Mapping
from typing import Any, Protocol

import orjson

from bridge import faults
from bridge.firm.model import Staff
from bridge.mapping.pictures import draw_person
from bridge.matrix.errors import RequestError, TokenRejectedError
from bridge.matrix.port import AccountRequests, Homeserver, MediaRequests, ServiceRequests
from bridge.reconcile.farewell import say_farewell
from bridge.reconcile.guarding import Guarding
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.steps import Action, Step
from bridge.reconcile.rooms.presence import require_presence
from bridge.reconcile.rooms.unread import ensure_basics
from bridge.store.engine.store import Store
from bridge.store.rooms.accounts import StoredAccount, record_profile

Json = dict[str, Any]


def profile_digest(person: Staff, *, avatars: bool) -> str:
    """A digest of all that the directory says about an account, to see whether it must be written again."""
    facts = [person.name, person.email, sorted(person.external_ids), _avatar_digest(person) if avatars else ""]
    return hashlib.sha256(orjson.dumps(facts)).hexdigest()


def _avatar_digest(person: Staff) -> str:
    # Earlier versions drew no letters beyond ASCII.
    drawn = "" if person.short_initials.isascii() else "/2"
    return hashlib.sha256(f"{person.short_initials}/{person.color_fill}{drawn}".encode()).hexdigest()


def plan_accounts(
    desired: Desired, staff_ids: Iterable[str], existing: Mapping[str, Json], *, avatars: bool
) -> Iterator[Step]:
    """The steps that these people's accounts need.

    `existing` are those of them that exist, by user id, as the admin API shows them.
    """
    for staff_id in sorted(staff_ids):
        account = desired.world.accounts[staff_id]
        user_id = desired.user_ids[staff_id]
        there = existing.get(user_id)
        person = desired.firm.staff.get(staff_id)
        if person is None or not person.active:
            if there is not None and not there.get("locked") and not there.get("deactivated"):
                yield Step(Action.LOCK_ACCOUNT, staff_id, who=user_id, what=_why(person))
            continue
        if there is None:
            yield Step(Action.CREATE_ACCOUNT, staff_id, who=user_id, what=person.name)
            continue
        if there.get("deactivated"):
            yield Step(Action.REACTIVATE_ACCOUNT, staff_id, who=user_id, what=person.name)
        if there.get("locked"):
            yield Step(Action.UNLOCK_ACCOUNT, staff_id, who=user_id, what=person.name)
        written = account.profile == profile_digest(person, avatars=avatars) and not there.get("deactivated")
        if not written or there.get("displayname") != person.name:
            yield Step(Action.UPDATE_ACCOUNT, staff_id, who=user_id, what=person.name)


def plan_farewells(desired: Desired, staff_ids: Iterable[str], existing: Mapping[str, Json]) -> Iterator[Step]:
    """The accounts of leavers that must end after they are out of the rooms. Who is disabled keeps a locked one."""
    for staff_id in sorted(staff_ids):
        user_id, person = desired.user_ids[staff_id], desired.firm.staff.get(staff_id)
        there = existing.get(user_id)
        if (person is None or person.former) and there is not None and not there.get("deactivated"):
            yield Step(Action.DEACTIVATE_ACCOUNT, staff_id, who=user_id, what=_why(person))


def _why(person: Staff | None) -> str:
    return f"{person.name} has left" if person else "not in the directory"


async def apply_account(
    step: Step, desired: Desired, homeserver: Homeserver, store: Store, guarding: Guarding, *, avatars: bool
) -> None:
    """Take one account step. Taking it again changes nothing more."""
    if step.action is Action.LOCK_ACCOUNT:
        await cut_off(homeserver, step.who)
        return
    if step.action is Action.DEACTIVATE_ACCOUNT:
        await say_farewell(homeserver, guarding, step.who)
        return
    if step.action is Action.REACTIVATE_ACCOUNT:
        await homeserver.reactivate(step.who)
        return
    if step.action is Action.UNLOCK_ACCOUNT:
        await homeserver.unlock(step.who)
        return
    person = desired.firm.staff[step.key]
    account = desired.world.accounts[step.key]
    mxc, digest = await _avatar(person, account, homeserver) if avatars else ("", "")
    body: Json = {"displayname": person.name}
    if person.email:
        body["threepids"] = [{"medium": "email", "address": person.email}]
    if person.external_ids:
        body["external_ids"] = [
            {"auth_provider": provider, "external_id": subject} for provider, subject in person.external_ids
        ]
    if mxc:
        body["avatar_url"] = mxc
    await homeserver.admin_put_user(step.who, body)
    faults.point("account.written")
    # Before they are brought in anywhere.
    await ensure_basics(homeserver, step.who)
    profile = profile_digest(person, avatars=avatars)
    await store.run(record_profile, step.key, person.name, profile, mxc, digest)
    faults.point("account.recorded")


class _CuttingOff(AccountRequests, ServiceRequests, Protocol):
    """What it takes to cut somebody off."""


async def cut_off(homeserver: _CuttingOff, user_id: str) -> None:
    """End the sessions of an account and lock it; each is tried where the other fails, and its error raised then.

    Raises UnreachableError at once where the homeserver is away as a whole.
    """
    failed: list[RequestError] = []

    async def tried(step: Awaitable[object]) -> None:
        try:
            await step
        except TokenRejectedError:
            raise
        except RequestError as error:
            await require_presence(homeserver, error)
            failed.append(error)

    # First the sessions: once the account is locked, nothing tells the next pass that they are still open.
    await tried(homeserver.delete_devices(user_id))
    await tried(homeserver.lock(user_id))
    await tried(homeserver.delete_devices(user_id))
    if failed:
        raise failed[-1]


async def _avatar(person: Staff, account: StoredAccount, homeserver: MediaRequests) -> tuple[str, str]:
    digest = _avatar_digest(person)
    if account.avatar_mxc and account.avatar_digest == digest:
        return account.avatar_mxc, digest
    picture = await asyncio.to_thread(draw_person, person)
    return await homeserver.upload(picture, "image/png", f"{person.short_initials}.png"), digest
