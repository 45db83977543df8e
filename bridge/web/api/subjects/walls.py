"""Ethical walls, for firm admins; and saying that one was read of, for those screened."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Literal

from pydantic import Field

from bridge.firm.model import Wall, WallKind
from bridge.operations.everybody import everybody
from bridge.operations.tokens import Scope
from bridge.operations.walls.foreseeing import foresee_taken_out
from bridge.operations.walls.listing import Narrowed, WallRow, wall_rows, walls_listed
from bridge.operations.walls.report import Disclosed, Piece, disclosed, pieces
from bridge.operations.walls.setting import lift_walls, set_wall
from bridge.operations.walls.telling import acknowledge_walls
from bridge.web.api import models as shown
from bridge.web.api import reports
from bridge.web.api.asking import ApiCall
from bridge.web.api.problems import ProblemError, not_there
from bridge.web.api.subjects.matters import PEOPLE_MOST, matter_shown
from bridge.web.api.subjects.people import named, named_by_id
from bridge.web.api.table import Given, Paged, Rate, admins_do, admins_get, do


class WallsAsked(Paged):
    """Which walls."""

    client: str = Field("", max_length=255, description="Only those around this client.")
    keeps_out: str = Field("", max_length=255, description="Only those that keep this staff id out.")


class ReportAsked(Paged):
    """Which page of a report."""

    limit: int = Field(10, ge=1, le=20, description="How many matters at most.")


class NewWall(Given):
    """A wall to set, around a matter or around all matters of a client."""

    kind: Literal["exclude", "only"] = Field("exclude", description="Keeps these people out, or lets only them in.")
    matter_id: str = Field("", max_length=255)
    client: str = Field("", max_length=1000)
    people: list[str] = Field(
        [],
        max_length=PEOPLE_MOST,
        description="Staff ids, e-mail addresses or Matrix ids, also of those who have left.",
    )
    groups: list[str] = Field([], max_length=PEOPLE_MOST, description="Ids of groups of the directory.")
    memo: str = Field(max_length=10_000, description="Why.")
    expires: date | None = Field(None, description="The last day.")


class WallsRead(Given):
    """Which walls the person has read of."""

    walls: list[str] = Field([], max_length=1000, description="References; empty for all they were told of.")


async def walls(call: ApiCall) -> shown.PageJson[shown.WallJson]:
    """The walls that are in force or to come, as far as the admin may know of them."""
    asked = call.asked(WallsAsked)
    found = walls_listed(call.desk, call.person, Narrowed(client=asked.client, keeps_out=asked.keeps_out))
    items, following = call.page(found, _place)
    rows = await wall_rows(call.desk, call.person, items)
    return shown.PageJson(items=[_shown(one) for one in rows], next=following)


async def wall(call: ApiCall) -> shown.WallJson:
    """A wall."""
    rows = await wall_rows(call.desk, call.person, [call.wall])
    if not rows:
        raise not_there()
    return _shown(rows[0])


async def report(call: ApiCall) -> reports.WallReportJson:
    """Of a wall, also of one that has ended, who is kept out, and what they could read before in each matter.
    Never what was said. The homeserver is asked for the history of each conversation."""
    meant = call.wall
    with call.slot():
        parts = [one for one in pieces(call.desk, call.person, [meant]) if one.matter is not None]
        items, following = call.page(parts, _by_number)
        told = [(one.matter, await disclosed(call.desk, call.person, one)) for one in items]
    # Asking took a while: what may be told is as it is now (M3).
    rows = await wall_rows(call.desk, call.person, [meant])
    seen = {one.matter.id: one.matter for one in pieces(call.desk, call.person, [meant]) if one.matter is not None}
    if not rows:
        raise not_there()
    record = rows[0].record
    return reports.WallReportJson(
        wall=_shown(rows[0]),
        ended=None if record is None or record.ended_at is None else shown.moment(record.ended_at),
        ended_by=None if record is None else named_by_id(call, record.ended_by),
        items=[
            reports.WalledMatterJson(matter=matter_shown(seen[matter.id]), disclosed=[_disclosed(one) for one in found])
            for matter, found in told
            if matter is not None and matter.id in seen
        ],
        next=following,
    )


def _by_number(one: Piece) -> tuple[str, str]:
    return ("", "") if one.matter is None else (one.matter.number, one.matter.id)


def _disclosed(one: Disclosed) -> reports.DisclosedJson:
    period = one.period
    return reports.DisclosedJson(
        conversation=one.conversation,
        person=None if one.person is None else named(one.person),
        since=None if period is None else shown.moment(period.since),
        until=None if period is None or period.until is None else shown.moment(period.until),
        sent=0 if period is None else period.sent,
        readable=0 if period is None else period.readable,
        unreadable=one.unreadable,
    )


async def set_one(call: ApiCall) -> shown.WallMadeJson:
    """Set a wall.
    Those it keeps out are out of every conversation that it stands around when this answers."""
    asked = call.asked(NewWall)
    if bool(asked.matter_id) is bool(asked.client):
        raise ProblemError(422, "around", "A wall stands around a matter or around a client: give one of the two.")
    wanted = Wall(
        "",
        WallKind(asked.kind),
        matter_id=asked.matter_id,
        client=asked.client,
        people=(*await _people(call, asked.people), *_groups(call, asked.groups)),
        memo=" ".join(asked.memo.split()),
        expires=asked.expires,
    )
    if call.desk.rehearses:
        taken_out = await foresee_taken_out(call.desk, call.person, wanted, call.cause)
        return shown.WallMadeJson(id="", taken_out=taken_out, not_done=[])
    made = await set_wall(call.desk, call.person, wanted, call.cause)
    call.about.append(made.wall.id)
    return shown.WallMadeJson(id=made.wall.id, taken_out=made.taken_out, not_done=list(made.not_done))


async def lift(call: ApiCall) -> shown.WallLiftedJson:
    """Lift a wall that was set by command or through the API.
    Those it kept out may see the matter again, and are in none of its conversations until they join or are added."""
    lifted = await lift_walls(call.desk, call.person, [call.wall.id], call.cause)
    return shown.WallLiftedJson(id=call.wall.id, not_done=list(lifted.not_done))


async def acknowledge(call: ApiCall) -> shown.AcknowledgedJson:
    """Note that the person has read that walls screen them."""
    asked = call.asked(WallsRead)
    return shown.AcknowledgedJson(walls=list(await acknowledge_walls(call.desk, call.person, asked.walls, call.cause)))


async def _people(call: ApiCall, named: Iterable[str]) -> list[str]:
    """Staff ids; who has left can be walled before they return."""
    known, found = await everybody(call.desk), dict[str, None]()
    for one in dict.fromkeys(named):
        person = known.named(one)
        if person is None:
            raise known.unknown(one)
        found[person.id] = None
    return list(found)


def _groups(call: ApiCall, ids: Iterable[str]) -> list[str]:
    groups, found = call.desk.firm().groups, list(ids)
    if any(one not in groups or groups[one].deleted for one in found):
        raise ProblemError(422, "no_such_group", "The directory has no such group. Name groups by their ids.")
    return found


def _place(one: Wall) -> tuple[str]:
    return (one.id,)


def _shown(row: WallRow) -> shown.WallJson:
    one = row.wall
    told = row.record.told if row.record is not None else {}
    read = {staff_id for staff_id, at in told.items() if at} | {staff_id for staff_id, _ in one.acknowledged}
    return shown.WallJson(
        id=one.id,
        kind=one.kind.value,
        matter_id=one.matter_id or None,
        client=one.client or None,
        people=list(one.people),
        memo=one.memo,
        set_by=one.set_by,
        since=one.since,
        expires=one.expires,
        in_directory=row.record is None,
        acknowledged=sorted(read),
    )


ROUTES = (
    admins_get(
        "walls.list",
        path="/walls",
        scope=Scope.WALLS,
        run=walls,
        answer=shown.PageJson[shown.WallJson],
        query=WallsAsked,
    ),
    admins_do(
        "walls.set",
        "POST",
        path="/walls",
        scope=Scope.CHANGE_WALLS,
        run=set_one,
        answer=shown.WallMadeJson,
        kept=False,
        body=NewWall,
    ),
    do(
        "walls.acknowledge",
        "POST",
        path="/acknowledged-walls",
        scope=Scope.CHANGE_WALLS,
        run=acknowledge,
        answer=shown.AcknowledgedJson,
        body=WallsRead,
    ),
    admins_get("walls.get", path="/walls/{wall}", scope=Scope.WALLS, run=wall, answer=shown.WallJson),
    admins_get(
        "walls.report",
        path="/walls/{any_wall}/report",
        scope=Scope.WALLS,
        run=report,
        answer=reports.WallReportJson,
        query=ReportAsked,
        rate=Rate.REPORT,
    ),
    admins_do(
        "walls.lift",
        "DELETE",
        path="/walls/{wall}",
        scope=Scope.CHANGE_WALLS,
        run=lift,
        answer=shown.WallLiftedJson,
    ),
)
