"""One request of a system, as the person its token acts as."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from aiohttp import web

from bridge.desk import Desk
from bridge.firm.conversation import ConversationKind
from bridge.firm.model import Staff, Wall
from bridge.operations import overview as seen
from bridge.operations.everybody import everybody
from bridge.operations.tokens import Token, holder
from bridge.operations.walls.report import walls_reported
from bridge.operations.walls.setting import walls_to_lift
from bridge.operations.webhooks.subscribing import HookSeen, own_webhook
from bridge.refusal import Kind, Refusal
from bridge.web.api.cursors import Cursors
from bridge.web.api.problems import ProblemError, not_there
from bridge.web.api.table import Paged
from bridge.web.bearer import bearer
from bridge.web.handing import Downloads
from bridge.web.sealing import Place

M = TypeVar("M")
T = TypeVar("T")
WHO: Final = "Staff ids, e-mail addresses or Matrix ids."
"""How people are named in a body."""


@dataclass(frozen=True)
class ApiCall:
    """What was asked for, by whom, with what is named in the address."""

    desk: Desk
    person: Staff
    token: Token
    request: web.Request
    found: Mapping[str, Any]
    """What the parts of the address name, as this person sees it."""
    given: tuple[Any, ...]
    """The parameters and the body, by their models."""
    cause: str
    """By this operations know a request again."""
    cursors: Cursors
    downloads: Downloads
    """Those under way."""
    about: list[str] = field(default_factory=list)
    """Ids that the audit log is to name, beside those in the address."""

    def named(self, part: str) -> str:
        """A part of the address."""
        return self.request.match_info[part]

    def asked(self, model: type[M]) -> M:
        """The parameters or the body."""
        return next(one for one in self.given if isinstance(one, model))

    def page(self, items: Iterable[T], place: Callable[[T], Place]) -> tuple[list[T], str | None]:
        """The page of these that is asked for, in the order of `place`, and the cursor of the next one."""
        asked = self.asked(Paged)
        return self.cursors.page(items, place, asked.cursor, asked.limit)

    @property
    def conversation(self) -> seen.View:
        """The conversation in the address."""
        view = self.found["conversation"]
        assert isinstance(view, seen.View)
        return view

    @property
    def inside(self) -> seen.View:
        """The same, which the person is in. Raises Refusal."""
        view = self.conversation
        if view.entry.mine:
            return view
        if view.matter is not None:
            raise Refusal(Kind.NOT_IN_CONVERSATION, title=view.entry.name, number=view.matter.number)
        raise Refusal(Kind.NOT_IN_CHANNEL, title=view.entry.name)

    @property
    def matter(self) -> seen.MatterView:
        """The matter in the address."""
        matter = self.found["matter"]
        assert isinstance(matter, seen.MatterView)
        return matter

    @property
    def somebody(self) -> Staff:
        """The person in the address."""
        person = self.found["person"]
        assert isinstance(person, Staff)
        return person

    @property
    def wall(self) -> Wall:
        """The wall in the address."""
        wall = self.found.get("wall") or self.found["any_wall"]
        assert isinstance(wall, Wall)
        return wall

    @property
    def webhook(self) -> HookSeen:
        """The webhook in the address."""
        found = self.found["webhook"]
        assert isinstance(found, HookSeen)
        return found

    @contextmanager
    def slot(self) -> Iterator[None]:
        """While something takes long for this person. Raises ProblemError where as much does as may at once."""
        with self.downloads.one_of(self.person.id) as there_is_room:
            if not there_is_room:
                detail = "Other downloads and reports are under way. Try again when one is done."
                raise ProblemError(429, "too_many_downloads", detail, {"Retry-After": "10"})
            yield

    async def still_works(self) -> bool:
        """Whether the token has not ended meanwhile (F2)."""
        return await holder(self.desk, bearer(self.request)) is not None

    async def people(self, named: Iterable[str]) -> list[Staff]:
        """Who is named, by staff id, e-mail address, Matrix id or name. Raises Refusal for who does not work here."""
        known, found = await everybody(self.desk), dict[str, Staff]()
        for one in dict.fromkeys(named):
            person = known.named(one)
            if person is None:
                raise known.unknown(one)
            if not person.active:
                raise Refusal(Kind.HAS_LEFT, person=person.name)
            found[person.id] = person
        return list(found.values())


async def what_is_named(desk: Desk, person: Staff, part: str, value: str, cause: str) -> Any:
    """What a part of an address names, as this person sees it at this moment.

    Raises ProblemError where they see nothing, and Refusal.

    What this very cause ended before a crash is there still.
    """
    if "\0" in value:
        raise not_there()
    found = await _FINDERS[part](desk, person, value, cause) if part in _FINDERS else value
    if found is None:
        raise not_there()
    return found


async def _conversation(desk: Desk, person: Staff, value: str, cause: str) -> seen.View | None:
    return await seen.view(desk, person.id, value)


async def _matter(desk: Desk, person: Staff, value: str, cause: str) -> seen.MatterView | None:
    return await seen.matter_view(desk, person.id, value)


async def _person(desk: Desk, person: Staff, value: str, cause: str) -> Staff | None:
    found = desk.firm().staff.get(value)
    return found if found is not None and (found.active or desk.may_administer(person.id)) else None


async def _wall(desk: Desk, person: Staff, value: str, cause: str) -> Wall | None:
    return next((one for one in await walls_to_lift(desk, person, cause) if one.id == value), None)


async def _any_wall(desk: Desk, person: Staff, value: str, cause: str) -> Wall | None:
    found = await walls_reported(desk, person)
    return next((one for one in (*found.standing, *found.ended) if one.id == value), None)


async def _webhook(desk: Desk, person: Staff, value: str, cause: str) -> HookSeen | None:
    return await own_webhook(desk, person, value, cause)


_FINDERS = {
    "conversation": _conversation,
    "matter": _matter,
    "person": _person,
    "wall": _wall,
    "any_wall": _any_wall,
    "webhook": _webhook,
}


def require_kind(view: seen.View, kind: ConversationKind) -> None:
    """Raise ProblemError where a conversation has not what is asked of its kind."""
    if view.entry.kind is not kind:
        raise ProblemError(409, "other_kind", f"Only a {kind} has that; this is a {view.entry.kind} conversation.")


def require_shared(view: seen.View) -> None:
    """Raise Refusal where a conversation is a direct one, which stays as it is (D2)."""
    if view.entry.kind is ConversationKind.DIRECT:
        raise Refusal(Kind.PEOPLE_STAY_THE_SAME, "D2")
