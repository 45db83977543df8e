"""The deep check: Matrix, the database and the directory side by side, and every difference. Changes nothing (O2, O3).

What reconciliation compares is taken from its plan; here is only what that does not look at: rooms that the bridge does
not know, addresses, the room directory, the rights and sessions behind accounts, the guard and the audit log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from bridge.check.finding import Finding, Verdict
from bridge.firm.model import Staff
from bridge.matrix.connection import DEVICE
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.steps import Action, Plan, Step
from bridge.reconcile.rooms.observe import in_parallel
from bridge.reconcile.tally import Progress
from bridge.service import FirmService
from bridge.settings import Settings
from bridge.store.record.audit import TamperedError, verify
from bridge.store.rooms.questions import room_addresses
from bridge.wording.state import WHAT

Json = dict[str, Any]


class Aspect(StrEnum):
    """What differs."""

    ROOM = "room"
    MEMBER = "member"
    RULES = "rules"
    NAME = "name"
    ADDRESS = "address"
    LIST = "list"
    DIRECT = "direct message"
    ACCOUNT = "account"
    UNKNOWN_ROOM = "unknown room"
    DATABASE = "database"
    GUARD = "guard"
    AUDIT = "audit log"


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """One thing that is not as it should be."""

    kind: Aspect
    where: str
    """The room or account as people know it."""
    what: str
    """A sentence."""
    room_id: str = ""
    user_id: str = ""

    def as_json(self) -> Json:
        """The difference for programs."""
        return asdict(self)


_OF_STEPS: Mapping[Action, tuple[Aspect, str]] = {
    Action.CREATE_ACCOUNT: (Aspect.ACCOUNT, "There is no account for {what}."),
    Action.UPDATE_ACCOUNT: (Aspect.ACCOUNT, "Name, address or picture are not those of the directory."),
    Action.LOCK_ACCOUNT: (Aspect.ACCOUNT, "Can be used: {what}."),
    Action.REACTIVATE_ACCOUNT: (Aspect.ACCOUNT, "Is deactivated, and {what} works here."),
    Action.DEACTIVATE_ACCOUNT: (Aspect.ACCOUNT, "Is not deactivated: {what}."),
    Action.UNLOCK_ACCOUNT: (Aspect.ACCOUNT, "Is locked, and {what} works here."),
    Action.CREATE_ROOM: (Aspect.ROOM, "Was not made yet."),
    Action.BOT_RETURN: (Aspect.MEMBER, "The bot is not in it."),
    Action.BOT_KEEP: (Aspect.MEMBER, "Nobody is to be in it, and the bot does not keep it."),
    Action.BOT_LEAVE: (Aspect.MEMBER, "The bot is in it, and should not be."),
    Action.REMOVE: (Aspect.MEMBER, "{who} is in it, and should not be."),
    Action.ADD: (Aspect.MEMBER, "{who} is not in it, and should be."),
    Action.TAKE_POWER: (Aspect.RULES, "{who} has as much power in it as the bot."),
    Action.UNBAN: (Aspect.MEMBER, "{who} is banned from it, and may be in it."),
    Action.SET_STATE: (Aspect.RULES, "Not as it should be: {what}."),
    Action.SET_ALIAS: (Aspect.ADDRESS, "Its address is not {what}."),
    Action.ADD_CHILD: (Aspect.LIST, "Does not list {what}."),
    Action.REMOVE_CHILD: (Aspect.LIST, "Lists {what}, which does not belong there."),
    Action.CLOSE_ROOM: (
        Aspect.RULES,
        "Can be written in, though somebody is to be kept from what is added to it.",
    ),
    Action.RENEW_ROOM: (
        Aspect.ROOM,
        "Goes on in a new room, because of somebody who was in it and may be no more.",
    ),
    Action.JOIN_AGAIN: (Aspect.DIRECT, "Clients of {who} list it as a chat with the bot."),
    Action.MARK_DIRECT: (Aspect.DIRECT, "Is no direct message to {who}."),
}
_NAMES = frozenset({"m.room.name", "m.room.topic"})


async def compare(service: FirmService, findings: Iterable[Finding], on_progress: Progress) -> list[Discrepancy]:
    """Every difference. `findings` are those of the plain check. HomeserverErrors and StoreErrors pass through."""
    wanted = await service.reconciler.planner.desired()
    addresses = await service.store.read(room_addresses)
    total = 3 + len(addresses) + len(wanted.world.accounts)
    done = 0

    def step(label: str) -> None:
        nonlocal done
        done += 1
        on_progress(done, total, label)

    plan = await service.reconciler.planner.plan()
    found = [*of_plan(plan, wanted.world.rooms), *of_database(wanted)]
    step("what reconciliation compares")
    listed = {str(room["room_id"]): room for room in await service.homeserver.admin_rooms()}
    found += of_list(listed, wanted)
    found += await _unknown_rooms(service, listed, wanted)
    step("all rooms")
    limit = service.settings.homeserver.concurrency
    labels = {room_id: wanted.shapes[key].label for key, room_id in wanted.world.rooms.items() if key in wanted.shapes}

    async def address(item: tuple[str, str]) -> Discrepancy | None:
        differs = await _address(service, labels.get(item[0], item[0]), *item)
        step(item[1])
        return differs

    async def account(staff_id: str) -> list[Discrepancy]:
        user_id = wanted.user_ids[staff_id]
        differs = await _account(service, wanted.firm.staff.get(staff_id), user_id)
        step(user_id)
        return differs

    there = [(room_id, alias) for room_id, alias in addresses.items() if room_id in listed]
    found += filter(None, await in_parallel(there, address, limit))
    found += [one for several in await in_parallel(wanted.world.accounts, account, limit) for one in several]
    found += of_findings(findings, service.settings)
    try:
        await service.store.read(verify)
    except TamperedError as error:
        found.append(Discrepancy(Aspect.AUDIT, "The audit log", str(error)))
    on_progress(total, total, "the audit log")
    return found


def of_plan(plan: Plan, room_ids: Mapping[str, str]) -> list[Discrepancy]:
    """What the plan would put right. Of a room that is gone only that is said, and not what follows from it. Pure."""
    gone = {step.key for step in plan.steps if step.action is Action.CREATE_ROOM}
    old = {room_ids[key] for key in gone if key in room_ids}
    found = [Discrepancy(Aspect.ACCOUNT, "The directory", problem) for problem in plan.problems]
    for step in plan.steps:
        follows = step.key in gone and step.action is not Action.CREATE_ROOM
        if not follows and step.state_key not in gone | old:
            found.append(_of_step(step, room_ids.get(step.key, "")))
    return found


def _of_step(step: Step, room_id: str) -> Discrepancy:
    kind, sentence = _OF_STEPS[step.action]
    if step.action is Action.CREATE_ROOM and room_id:
        sentence = "The bridge made it, and it is gone from the homeserver."
    if step.action is Action.SET_STATE:
        kind = Aspect.NAME if step.event_type in _NAMES else kind
    what = WHAT.get(step.what, step.what)
    return Discrepancy(kind, step.room or step.who, sentence.format(who=step.who, what=what), room_id, step.who)


def of_database(wanted: Desired) -> Iterator[Discrepancy]:
    """What the database has and should not have by the directory. Pure."""
    for staff_id in sorted(wanted.departed):
        person = wanted.firm.staff.get(staff_id)
        name = person.name if person is not None else staff_id
        yield Discrepancy(Aspect.DATABASE, name, "Is no active staff, and still down for conversations.")
    for key in sorted(wanted.world.rooms.keys() - wanted.shapes.keys()):
        what = f"Stands for {key}, which is nothing that the firm has."
        yield Discrepancy(Aspect.DATABASE, wanted.world.rooms[key], what, wanted.world.rooms[key])


def of_list(listed: Mapping[str, Json], wanted: Desired) -> Iterator[Discrepancy]:
    """What the homeserver's list says of the firm's rooms and their state does not. Pure."""
    for key, room_id in wanted.world.rooms.items():
        shape, room = wanted.shapes.get(key), listed.get(room_id)
        if shape is None or room is None:
            continue
        if room.get("encryption"):
            yield Discrepancy(Aspect.RULES, shape.label, "Is encrypted, so that holds and searches miss it.", room_id)
        if room.get("federatable"):
            yield Discrepancy(Aspect.RULES, shape.label, "Can be joined from other homeservers.", room_id)
        if bool(room.get("public")) is not shape.published:
            what = "Is not in the room directory." if shape.published else "Is in the room directory."
            yield Discrepancy(Aspect.LIST, shape.label, what, room_id)


async def _unknown_rooms(service: FirmService, listed: Mapping[str, Json], wanted: Desired) -> list[Discrepancy]:
    known = set(wanted.world.rooms.values())
    own = {service.settings.bot_id, service.settings.checker_id}
    unknown = [room for room_id, room in listed.items() if room_id not in known and room.get("joined_local_members", 0)]

    async def look(room: Json) -> Discrepancy | None:
        members = await service.homeserver.admin_members(str(room["room_id"]))
        return of_unknown(room, set(members) - own, wanted.owners)

    found = await in_parallel(unknown, look, service.settings.homeserver.concurrency)
    return [one for one in found if one is not None]


def of_unknown(room: Json, members: Collection[str], owners: Mapping[str, str]) -> Discrepancy | None:
    """A room that the bridge does not know, if people of the firm are in it. Pure."""
    staff = sorted(user_id for user_id in members if user_id in owners)
    if not staff:
        return None
    others = len(members) - len(staff)
    also = f" and {others} {'other' if others == 1 else 'others'}" if others else ""
    what = f"Is none of the firm's, and in it are {', '.join(staff)}{also}."
    return Discrepancy(Aspect.UNKNOWN_ROOM, str(room.get("name") or room["room_id"]), what, str(room["room_id"]))


async def _address(service: FirmService, label: str, room_id: str, localpart: str) -> Discrepancy | None:
    alias = f"#{localpart}:{service.settings.homeserver.server_name}"
    found = await service.homeserver.resolve_alias(alias)
    if found == room_id:
        return None
    what = f"Its address {alias} leads {'nowhere' if found is None else f'to {found}'}."
    return Discrepancy(Aspect.ADDRESS, label, what, room_id)


async def _account(service: FirmService, person: Staff | None, user_id: str) -> list[Discrepancy]:
    account = await service.homeserver.admin_user(user_id)
    if account is None:
        # Of those who should have one the plan says so.
        return []
    devices: Sequence[str] = ()
    if person is None or not person.active:
        devices = [one for one in await service.homeserver.admin_device_ids(user_id) if one != DEVICE]
    return list(of_account(person, user_id, account, devices))


def of_account(person: Staff | None, user_id: str, account: Json, devices: Collection[str]) -> Iterator[Discrepancy]:
    """What is wrong with an account besides what the plan looks at: rights, suspension, a leaver's sessions. Pure."""
    active = person is not None and person.active
    if account.get("admin"):
        whose = "" if active else " of somebody who does not work here"
        yield Discrepancy(Aspect.ACCOUNT, user_id, f"The account{whose} is a server admin.", user_id=user_id)
    if active and account.get("suspended"):
        what = "Is suspended, so its owner, who works here, is brought into no conversation and can say nothing."
        yield Discrepancy(Aspect.ACCOUNT, user_id, what, user_id=user_id)
    if devices:
        what = f"Its owner does not work here, and it has {len(devices)} open sessions."
        yield Discrepancy(Aspect.ACCOUNT, user_id, what, user_id=user_id)


def of_findings(findings: Iterable[Finding], settings: Settings) -> Iterator[Discrepancy]:
    """What the plain check found of the guard: whether it knows what the bridge knows. Pure."""
    for finding in findings:
        if finding.name == "guard" and settings.guarded and finding.state is not Verdict.OK:
            yield Discrepancy(Aspect.GUARD, "The guard", finding.what)
