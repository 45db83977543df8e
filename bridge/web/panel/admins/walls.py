"""Ethical walls for firm admins: those there are, what one would do, setting and lifting one, and its report (M3)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import date
from typing import Final

from aiohttp import web

from bridge.firm.model import Firm, Wall, WallKind
from bridge.firm.text.directions import apart
from bridge.operations.noting import note_refused
from bridge.operations.sight import sight_of
from bridge.operations.walls.foreseeing import WallForeseen, foresee_wall
from bridge.operations.walls.listing import Narrowed, WallRow, wall_rows, walls_listed
from bridge.operations.walls.report import Disclosed, disclosed, pieces, walls_reported
from bridge.operations.walls.setting import MEMO_MAX, WallMade, lift_walls, set_wall
from bridge.refusal import NOT_THEIRS, Refusal
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.forms import Form, cause_of, said, text_in, texts_in, there
from bridge.web.panel.lists import paged, to_tick
from bridge.web.panel.pages import PanelRequest, Values, framed, name_of, not_there
from bridge.wording.markdown import plain
from bridge.wording.moments import moment_in, written
from bridge.wording.walls import shown_around, shown_people

MATTERS_AT_ONCE: Final = 20
"""Of a report: each asks the homeserver for the histories of its rooms."""


@for_admins("wall list")
async def walls(asked: PanelRequest) -> web.StreamResponse:
    """The walls that are in force or to come."""
    some, pages = paged(asked, walls_listed(asked.desk, asked.person, Narrowed()))
    rows = await wall_rows(asked.desk, asked.person, some)
    await noted(asked, "wall list")
    shown = [_row(asked, row) for row in rows]
    return await framed(asked, "admins/walls", "Walls", "admin/walls", walls=shown, pages=pages)


@for_admins("wall report")
async def wall(asked: PanelRequest) -> web.StreamResponse:
    """A wall's terms, a form to lift it, and its report: what those it keeps out could read before."""
    found = await _found(asked)
    if found is None:
        return not_there()
    (row,) = await wall_rows(asked.desk, asked.person, [found]) or (None,)
    if row is None:
        return not_there()
    await noted(asked, "wall report", ids=(found.id,))
    # Its terms come first, and are shown above.
    around = [one for one in pieces(asked.desk, asked.person, [found]) if one.matter is not None]
    some, pages = paged(asked, around, MATTERS_AT_ONCE)
    report = [
        (one.matter.number if one.matter is not None else "", each.conversation, _disclosed(asked, each))
        for one in some
        for each in await disclosed(asked.desk, asked.person, one)
    ]
    return await framed(
        asked,
        "admins/wall",
        f"Wall {found.id}",
        "admin/walls",
        wall=_row(asked, row),
        acknowledged=list(_acknowledged(asked, row)),
        may_lift=row.record is not None and not row.record.ended_at,
        report=report,
        pages=pages,
        guarded=asked.desk.settings.guarded,
    )


@for_admins("wall add")
async def new_wall(asked: PanelRequest) -> web.StreamResponse:
    """The form for a wall."""
    return await _form(asked, {})


@for_admins("wall add")
async def make_wall(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Say what a wall would do; or, once that was seen of just this wall, set it."""
    wanted, values = _wanted(asked, form)
    cause = cause_of(asked, form)
    number, client = " ".join(text_in(form, "number").split()), " ".join(text_in(form, "client").split())
    command = "wall only" if wanted.kind is WallKind.ONLY else "wall add"
    try:
        foreseen = await foresee_wall(asked.desk, asked.person, wanted, number=number, client=client)
        sets, seen = text_in(form, "step") == "set", text_in(form, "seen")
        if not sets or seen != _terms(foreseen.wall):
            return await _form(asked, values, foreseen, changed=sets)
        made = await set_wall(asked.desk, asked.person, foreseen.wall, cause)
    except Refusal as error:
        if error.kind in NOT_THEIRS:
            raise
        await note_refused(asked.desk, asked.person, command, error.rule, cause)
        return await _form(replace(asked, told=said(error), refused=True), values)
    await noted(asked, command, ids=(made.wall.id,))
    return await _made(asked, made)


@for_admins("wall lift")
async def lift(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """End a wall that was set here or by command."""
    found = await _found(asked)
    if found is None:
        return not_there()
    await lift_walls(asked.desk, asked.person, [found.id], cause_of(asked, form))
    await noted(asked, "wall lift", ids=(found.id,))
    return there("/admin/walls")


async def _found(asked: PanelRequest) -> Wall | None:
    """The wall that is asked for, ended ones among them; None where there is none that the admin may know of."""
    known = await walls_reported(asked.desk, asked.person)
    return next((one for one in (*known.standing, *known.ended) if one.id == asked.part("wall")), None)


def _wanted(asked: PanelRequest, form: Form) -> tuple[Wall, Values]:
    """The wall that a form describes but for what it stands around, and the form as it was filled in."""
    # Also whom the directory has no more since the form was shown, so that it is said and not passed over.
    people, groups = texts_in(form, "person"), texts_in(form, "group")
    values = {name: text_in(form, name) for name in ("kind", "number", "client", "memo", "until")}
    expires = None
    with suppress(ValueError):
        expires = date.fromisoformat(values["until"])
    kind = WallKind.ONLY if values["kind"] == WallKind.ONLY else WallKind.EXCLUDE
    memo = " ".join(values["memo"].split())
    wanted = Wall("", kind, people=tuple(dict.fromkeys((*people, *groups))), memo=memo, expires=expires)
    return wanted, {**values, "people": frozenset(people), "groups": frozenset(groups)}


def _terms(wall: Wall) -> str:
    """A digest of what a wall was foreseen to be: the form beside it can be changed before it is set."""
    terms = (wall.kind, wall.matter_id, wall.client, sorted(wall.people), wall.memo, str(wall.expires))
    return hashlib.sha256(repr(terms).encode("utf-8", "replace")).hexdigest()


async def _form(
    asked: PanelRequest, typed: Values, foreseen: WallForeseen | None = None, *, changed: bool = False
) -> web.Response:
    firm, sight = asked.desk.firm(), sight_of(asked.desk, asked.person)
    values: Values = {
        "kind": WallKind.EXCLUDE,
        "number": asked.query("matter"),
        "client": "",
        "memo": "",
        "until": "",
    } | typed
    named: frozenset[str] = values.pop("people", frozenset())
    groups: frozenset[str] = values.pop("groups", frozenset())
    return await framed(
        asked,
        "admins/wall_form",
        "New wall",
        "admin/walls",
        typed=values,
        foreseen=foreseen,
        seen="" if foreseen is None else _terms(foreseen.wall),
        changed=changed,
        around="" if foreseen is None else plain(shown_around(firm, foreseen.wall)),
        named="" if foreseen is None or not foreseen.wall.people else plain(shown_people(firm, foreseen.wall)),
        until=written(asked.desk.settings.firm, foreseen.wall.expires) if foreseen and foreseen.wall.expires else "",
        ticks=to_tick(
            asked,
            firm.staff.values(),
            named,
            [(one, one.id in groups) for one in firm.groups.values() if not one.deleted],
        ),
        today=str(sight.today),
        memo_max=MEMO_MAX,
    )


async def _made(asked: PanelRequest, made: WallMade) -> web.Response:
    firm = asked.desk.firm()
    taken_out = sorted(((firm.staff[one].name, count) for one, count in made.taken_out.items()), key=_folded)
    return await framed(
        asked,
        "admins/wall_made",
        "Wall set",
        "admin/walls",
        id=made.wall.id,
        taken_out=taken_out,
        not_done=[plain(one) for one in made.not_done],
    )


def _folded(one: tuple[str, int]) -> str:
    return one[0].casefold()


def _row(asked: PanelRequest, row: WallRow) -> Values:
    """A wall as a table shows it."""
    firm, dates, one = asked.desk.firm(), asked.desk.settings.firm, row.wall
    ended = row.record.ended_at if row.record is not None else None
    return {
        "id": one.id,
        "keeps_out": one.kind is WallKind.EXCLUDE,
        "people": plain(shown_people(firm, one)),
        "around": plain(shown_around(firm, one)),
        "set_by": name_of(asked.desk, one.set_by) or one.set_by,
        "since": written(dates, one.since) if one.since else "",
        "until": written(dates, one.expires) if one.expires else "",
        "memo": one.memo,
        "of_directory": row.record is None,
        "ended": moment_in(dates, ended) if ended else "",
        "ended_by": name_of(asked.desk, row.record.ended_by) if row.record is not None and ended else "",
        "acknowledged": _how_many(row, firm),
    }


def _how_many(row: WallRow, firm: Firm) -> str:
    """How many have acknowledged a wall and how many have not, in words; empty where nobody was asked."""
    told = row.record.told if row.record is not None else {}
    done = {staff_id for staff_id, at in told.items() if at} | {staff_id for staff_id, _ in row.wall.acknowledged}
    missing = [one for one in told if one in firm.staff and one not in done]
    return ", ".join(
        part for part in (f"by {len(done)}" if done else "", f"not yet by {len(missing)}" if missing else "") if part
    )


def _acknowledged(asked: PanelRequest, row: WallRow) -> Iterator[tuple[str, str]]:
    """Who was told of the wall, and when they said that they had read it."""
    staff, dates = asked.desk.firm().staff, asked.desk.settings.firm
    told = row.record.told if row.record is not None else {}
    when = {staff_id: moment_in(dates, at) if at else "not yet" for staff_id, at in told.items()}
    when |= {staff_id: written(dates, day) for staff_id, day in row.wall.acknowledged}
    yield from ((staff[one].name, at) for one, at in when.items() if one in staff)


def _disclosed(asked: PanelRequest, one: Disclosed) -> str:
    """What somebody could read in a conversation before, in words."""
    if one.person is None or one.period is None:
        return f"Its history cannot be read: {one.unreadable}"
    dates, period = asked.desk.settings.firm, one.period
    until = f"until {moment_in(dates, period.until)}" if period.until is not None else "and is still in it"
    return (
        f"{apart(one.person.name)} was in it from {moment_in(dates, period.since)} {until}; {period.sent} messages were"
        f" sent in that time, {period.readable} could be read with those from before."
    )
