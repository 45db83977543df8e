"""The pages: what stands beside each, and how each is asked for (P1)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.model import Matter, MatterStatus, Staff
from bridge.firm.text.directions import apart, together
from bridge.mapping.names import matter_name
from bridge.operations import overview as seen
from bridge.operations.channels.finding import channels_of_firm, channels_seen, channels_with
from bridge.operations.matters.finding import matters_seen
from bridge.operations.panel import ref_of, sessions
from bridge.operations.watched import CHANNELS, of_matter, watched
from bridge.web.panel.lists import paged, to_tick
from bridge.web.panel.rendering import message, page
from bridge.web.panel.safety import form_token
from bridge.wording.moments import moment_in

Values = dict[str, Any]
_TYPED_MAX = 200
_OWN_MAX: Final = {"after": 2000, "name": 2000}
"""Characters of what the panel itself writes into its addresses: a file's name, and a place with a name in it."""
NOT_THERE = (
    "There is nothing here that you can see. It may have been renamed, or you may have no access to it any more."
)


@dataclass(frozen=True, slots=True)
class PanelRequest:
    """A request of somebody who is signed in."""

    request: web.Request
    desk: Desk
    person: Staff
    session: str
    told: str = ""
    """What became of what they did last."""
    refused: bool = False
    instead: tuple[str, str] | None = None
    """What there is already in place of what they asked for: its name and address."""
    typed: Mapping[str, Any] | None = None
    """What they had typed into the form, where it is shown again."""

    def part(self, name: str) -> str:
        """A part of the address. Raises HTTPNotFound for what no name of anything has in it."""
        part = self.request.match_info[name]
        if "\0" in part:
            raise web.HTTPNotFound
        return part

    def query(self, name: str) -> str:
        """What stands behind the address under this name; empty where nothing does."""
        given = self.request.query.get(name, "").replace("\0", "")[: _OWN_MAX.get(name, _TYPED_MAX)]
        # What is looked for may be copied from a page, which keeps names apart.
        return together(given) if name == "q" else given

    @property
    def refreshes(self) -> bool:
        """Whether an open page asks for itself again, of which only what changes by itself is put in place."""
        return self.request.headers.get("X-Panel") == "live"


Page = Callable[[PanelRequest], Awaitable[web.StreamResponse]]


async def framed(
    asked: PanelRequest, template: str, title: str, here: str = "", about: str = "", **values: Any
) -> web.Response:
    """A page with the person's lists beside it."""
    lists = await seen.overview(asked.desk, asked.person.id)
    unread = await seen.unread(asked.desk, asked.person.id, at_once=not asked.refreshes)
    shown = await watched(asked.desk, asked.person.id, about or here)
    frame: Values = {
        "firm": asked.desk.settings.firm.name,
        "title": title,
        "here": here,
        "about": about or here,
        "person": asked.person,
        "address": asked.request.path_qs if asked.request.method == "GET" else asked.request.rel_url.raw_path,
        "admin": bool(asked.desk.may_administer(asked.person.id)),
        "lists": lists,
        # Where it is not known yet what is unread, the page asks for itself again as soon as it listens.
        "mark": "" if unread is None else lists.mark() + shown.mark,
        "unread": unread or {},
        "token": form_token(asked.session),
        "once": secrets.token_hex(8),
        "told": asked.told,
        "refused": asked.refused,
        "instead": asked.instead,
    }
    if template == "home":
        values |= {"waiting": list(_waiting(lists, unread or {})), "counted": unread is not None}
    return page(template, frame | values, 422 if asked.refused else 200)


def _waiting(
    lists: seen.Overview, unread: Mapping[str, int]
) -> Iterator[tuple[seen.ListedConversation, int, Matter | None]]:
    """What is unread, how much of it, and of which matter."""
    shelved = ((one, shelf.matter) for shelf in lists.matters for one in shelf.entries)
    for one, matter in (*((one, None) for one in lists.direct), *shelved, *((one, None) for one in lists.channels)):
        if count := unread.get(one.room_id):
            yield one, count, matter


def not_there() -> web.Response:
    """For what is not there and for what this person must not know of alike (M3)."""
    return message("Nothing here", NOT_THERE, 404, back=True)


async def home(asked: PanelRequest) -> web.StreamResponse:
    """What is new."""
    return await framed(asked, "home", "Messages", "home")


async def matter(asked: PanelRequest) -> web.StreamResponse:
    """A matter with all its conversations, and a form to start one."""
    found = await seen.matter_view(asked.desk, asked.person.id, asked.part("matter"))
    if found is None:
        return not_there()
    typed, one = asked.typed or {}, found.matter
    entries, which = paged(asked, found.entries)
    return await framed(
        asked,
        "matter",
        matter_name(one),
        of_matter(one.id),
        matter=one,
        facts=list(_facts(asked.desk, one)),
        insiders=found.insiders,
        everybody=len(found.insiders) == len(asked.desk.firm().active_staff),
        entries=entries,
        pages=which,
        may_start=one.status in {MatterStatus.OPEN, MatterStatus.PENDING},
        title_typed=typed.get("title", ""),
        ticks=to_tick(asked, [each for each in found.insiders if each != asked.person], typed.get("people", ())),
    )


def _facts(desk: Desk, matter: Matter) -> Iterator[tuple[str, str]]:
    """What is told of a matter, each with what it is called."""
    yield "Client", matter.client
    yield "Status", str(matter.status).capitalize()
    yield "Responsible", name_of(desk, matter.responsible)
    yield "Assisting", ", ".join(filter(None, (apart(name_of(desk, one)) for one in matter.assisting)))
    yield "Legal hold", "Nothing in its conversations can be deleted." if matter.held else ""


async def matters(asked: PanelRequest) -> web.StreamResponse:
    """The matters that the person may see, or those of them that have some words."""
    words = asked.query("q")
    some, which = paged(asked, matters_seen(asked.desk, asked.person, words.split()), q=words)
    return await framed(asked, "matters", "Matters", "matters", matters=some, pages=which, words=words)


async def channels(asked: PanelRequest) -> web.StreamResponse:
    """The channels, or those of them that have some words in name or topic; archived ones last."""
    words = asked.query("q")
    found = await (channels_with(asked.desk, words) if words.split() else channels_of_firm(asked.desk))
    some, which = paged(asked, sorted(found, key=lambda one: one.archived), q=words)
    shown = await channels_seen(asked.desk, asked.person, some)
    return await framed(asked, "channels", "Channels", CHANNELS, channels=shown, pages=which, words=words)


async def new_direct(asked: PanelRequest) -> web.StreamResponse:
    """The form for a direct conversation."""
    return await _new(asked, "New direct conversation", named=False)


async def new_channel(asked: PanelRequest) -> web.StreamResponse:
    """The form for a channel."""
    return await _new(asked, "New channel", named=True)


async def _new(asked: PanelRequest, heading: str, *, named: bool) -> web.Response:
    firm, typed = asked.desk.firm(), asked.typed or {}
    others = [firm.staff[one] for one in firm.active_staff if one != asked.person.id]
    ticks, title = to_tick(asked, others, typed.get("people", (asked.query("with"),))), typed.get("title", "")
    return await framed(asked, "new", heading, heading=heading, named=named, ticks=ticks, title_typed=title)


async def signed_in_where(asked: PanelRequest) -> web.StreamResponse:
    """The person's sessions."""
    firm = asked.desk.settings.firm
    rows = [
        {
            "ref": one.ref,
            "here": one.ref == ref_of(asked.session),
            "browser": one.browser or "A browser that does not say what it is",
            "beside": one.beside,
            "begun": moment_in(firm, one.begun_at),
            "used": moment_in(firm, one.used_at),
        }
        for one in await sessions(asked.desk, asked.person.id)
    ]
    return await framed(asked, "sessions", "Where you are signed in", "sessions", sessions=rows)


def name_of(desk: Desk, staff_id: str) -> str:
    person = desk.firm().staff.get(staff_id)
    return "" if person is None else person.name


def by_name(people: Iterable[Staff]) -> list[Staff]:
    return sorted(people, key=lambda person: person.name.casefold())
