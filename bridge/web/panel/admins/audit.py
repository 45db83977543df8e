"""The audit log for firm admins: of a person, a place, a kind or a time; drift and refusals among them (O1, O3)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from typing import Final
from urllib.parse import urlencode

from aiohttp import web

from bridge.firm.audit import BY_GUARD, Deed
from bridge.operations.admins.audit import Asked, LogPage, log_page
from bridge.operations.everybody import everybody
from bridge.operations.place_named import place_asked
from bridge.refusal import NOT_THEIRS, Refusal
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.forms import said
from bridge.web.panel.pages import PanelRequest, framed
from bridge.web.sealing import opened, sealed
from bridge.wording.audit_lines import words_for
from bridge.wording.moments import begin_of, moment_in

_FILTERS: Final = ("person", "place", "kind", "since", "until", "refused")
KINDS: Final[Mapping[str, tuple[str, frozenset[Deed]]]] = {
    "people": ("Who came and went", frozenset(one for one in Deed if one.value.startswith("participant_"))),
    "conversations": (
        "Conversations started and changed",
        frozenset({Deed.CONVERSATION_STARTED, Deed.RENAMED, Deed.TOPIC_SET, Deed.ARCHIVED, Deed.RESTORED}),
    ),
    "walls": ("Walls", frozenset(one for one in Deed if one.value.startswith("wall_"))),
    "staff": ("Who was cut off or taken back", frozenset({Deed.STAFF_LEFT, Deed.STAFF_RETURNED})),
    "directory": ("The directory", frozenset(one for one in Deed if one.value.startswith("directory_"))),
    "drift": ("What was put back", frozenset({Deed.PUT_BACK, Deed.ROOM_LOST, Deed.ROOM_SET_ASIDE})),
    "guard": ("What the guard refused", BY_GUARD),
    "commands": ("What firm admins asked for", frozenset({Deed.COMMAND})),
    "files": ("Files", frozenset({Deed.FILE_REMOVED, Deed.TRANSCRIPT_FILED, Deed.TRIED_TO_SEND_FILE})),
}
"""By the value in an address: what it is called, and which entries it has."""


@for_admins("audit")
async def audit_log(asked: PanelRequest) -> web.StreamResponse:
    """The audit log, newest entries first: of a person, a place, a kind or a time, or what was refused."""
    query = {name: value for name in _FILTERS if (value := asked.query(name).strip())}
    try:
        page, problem = await _read(asked, query), ""
    except Refusal as error:
        if error.kind in NOT_THEIRS:
            raise
        page, problem = None, said(error)
    following = "" if page is None or page.following is None else _sealed(asked, query, page.following)
    return await framed(
        asked,
        "admins/audit",
        "Audit log",
        "admin/audit",
        given=query,
        kinds=[(value, label) for value, (label, _) in KINDS.items()],
        problem=problem,
        entries=[] if page is None else _entries(asked, page),
        following=f"?{urlencode({**query, 'before': following})}" if following else "",
    )


def _entries(asked: PanelRequest, page: LogPage) -> list[tuple[str, str]]:
    """When, and what, of each entry."""
    dates = asked.desk.settings.firm
    return [(moment_in(dates, one.entry.at_ms), words_for(page.sight, page.names, one)) for one in page.entries]


async def _read(asked: PanelRequest, query: Mapping[str, str]) -> LogPage:
    """A page of the log, whose use is noted. Raises Refusal for a person or place that there is not."""
    wanted = await _asked_for(asked, query)
    page = await log_page(asked.desk, asked.person, wanted, _before(asked, query))
    place = query.get("place", "")
    about = " ".join(
        [*([place] if place else []), *(f"{name}:{query[name]}" for name in query if name in _FILTERS[2:])]
    )
    ids = (wanted.place.id,) if wanted.place is not None else ()
    await noted(asked, "audit", person=wanted.person, about=about, ids=ids)
    return page


def _sealed(asked: PanelRequest, query: Mapping[str, str], position: int) -> str:
    """A position as an address has it: how many entries there are that the person may not read is not for them."""
    return sealed(_key(asked), _about(asked, query), (position,))


def _before(asked: PanelRequest, query: Mapping[str, str]) -> int | None:
    """The position in front of which this page is; None for the newest entries."""
    place = opened(_key(asked), _about(asked, query), asked.query("before"))
    return None if place is None else int(place[0])


def _key(asked: PanelRequest) -> bytes:
    return asked.desk.settings.security.alias_key.get_secret_value().encode()


def _about(asked: PanelRequest, query: Mapping[str, str]) -> bytes:
    return f"panel audit\n{asked.person.id}\n{urlencode(query, errors='replace')}".encode()


async def _asked_for(asked: PanelRequest, query: Mapping[str, str]) -> Asked:
    """Which entries are asked for. What is no value of a filter leaves none out. Raises Refusal."""
    dates, wanted = asked.desk.settings.firm, Asked(refused="refused" in query)
    if typed := query.get("person"):
        people = await everybody(asked.desk)
        found = people.named(typed)
        # Strangers are in the log, too, by their whole user ids.
        if found is None and not (typed.startswith("@") and ":" in typed):
            raise people.unknown(typed)
        wanted = replace(wanted, person=found.id if found is not None else typed)
    if typed := query.get("place"):
        wanted = replace(wanted, place=await place_asked(asked.desk, asked.person, typed))
    if known := KINDS.get(query.get("kind", "")):
        wanted = replace(wanted, deeds=known[1])
    with suppress(ValueError, OverflowError):
        wanted = replace(wanted, since_ms=begin_of(dates, date.fromisoformat(query.get("since", ""))))
    with suppress(ValueError, OverflowError):
        last = date.fromisoformat(query.get("until", ""))
        wanted = replace(wanted, until_ms=begin_of(dates, last + timedelta(days=1)))
    return wanted
