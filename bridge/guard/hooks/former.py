"""What somebody is shown of rooms that they were in and may be in no more: nothing (M3, F2).

Matrix gives those who left a room what was said while they were in it, with what was added to it since: edits, replies,
reasons of deletions. For whoever the policy keeps out now, the guard has Synapse answer as for somebody who never was
there:

* a request that names such a room, or an event in one, is refused;
* one that goes on from a place before the person was out is refused where something would be shown on the way; a
  client that is told so begins anew;
* a list of notifications that has one of such a room in it is shown empty;
* a file of which such a room has the id is not handed out;
* and no event of such a room is put into any answer, whatever was asked for.

Who never was in a room hears Synapse's own words, as ever.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from synapse.logging.context import current_context
from synapse.module_api import EventBase, ModuleApi
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.conversation import ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.room_keys import MARKER, SPACE
from bridge.guard.gate import MEMBER, Gate, Mark
from bridge.guard.hooks.answered import Answered
from bridge.guard.reading import NamedByRequest, asked

log = logging.getLogger(__name__)
_OF_MATTERS = frozenset({ConversationKind.MATTER.value, SPACE})
"""Kinds of rooms of which the firm alone decides who may be in them."""
_MXC = re.compile(r"mxc://[^/\s\"\\]+/([A-Za-z0-9_=-]+)")
_SAYS_NOTHING = frozenset({MEMBER, "m.room.power_levels"})
"""What the bot writes into a room as people come and go."""

_LEFT = """
    SELECT member.room_id, member.event_id, marker.json FROM local_current_membership AS member
    JOIN current_state_events AS state ON state.room_id = member.room_id AND state.type = ? AND state.state_key = ''
    JOIN event_json AS marker ON marker.event_id = state.event_id
    WHERE member.user_id = ? AND member.membership IN ('leave', 'ban')
"""
_ON_THE_WAY = """
    SELECT member.room_id, own.stream_ordering, EXISTS (
        SELECT 1 FROM events AS event
        WHERE event.room_id = member.room_id
        AND event.stream_ordering > ? AND event.stream_ordering < own.stream_ordering
        AND NOT (event.sender = ? AND event.type IN ('m.room.member', 'm.room.power_levels'))
    )
    FROM local_current_membership AS member JOIN events AS own ON own.event_id = member.event_id
    WHERE member.user_id = ? AND member.membership IN ('leave', 'ban') AND member.room_id IN ({rooms})
"""
_ROOM_OF_EVENT = "SELECT room_id FROM events WHERE event_id IN ({events})"
_NOTIFIED = "SELECT 1 FROM event_push_actions WHERE user_id = ? AND notif = 1 AND room_id IN ({rooms}) LIMIT 1"
_FILES = """
    SELECT event.stream_ordering, said.json
    FROM events AS event JOIN event_json AS said ON said.event_id = event.event_id
    WHERE event.room_id = ? AND event.stream_ordering > ? AND event.state_key IS NULL AND said.json LIKE ?
"""
_NOT_FORGOTTEN = "SELECT 1 FROM room_memberships WHERE user_id = ? AND forgotten = 0 AND room_id IN ({rooms}) LIMIT 1"


@dataclass
class _Person:
    """What is known of somebody's past rooms."""

    rooms: dict[str, Mark]
    """All of the firm's that they ever left, by id. Whoever is back in one is judged as everybody is."""
    left_by: dict[str, str] = field(default_factory=dict)
    """The events by which they left these, as far as they were read."""
    loaded: bool = False
    judged: tuple[Facts | None, date, int] | None = None
    """By what facts, on what day, and with how many rooms known the following was found."""
    of_matters: frozenset[str] = frozenset()
    """Which rooms of matters they are kept out of: new facts about the same firm change nothing of that."""
    kept_out: frozenset[str] = frozenset()
    """All rooms that they are kept out of."""
    files: frozenset[str] = frozenset()
    """The ids of files in rooms that they are kept out of, and in `files_of` of which rooms that is sure."""
    files_of: frozenset[str] = frozenset()
    safe: dict[frozenset[str], int] = field(default_factory=dict)
    """From what place on nothing of these rooms is shown on the way."""


class Former:
    """Keeps from people what they may read no more. `facts` and `today` say what is in force at this moment."""

    def __init__(
        self, gate: Gate, facts: Callable[[], Facts | None], today: Callable[[], date], api: ModuleApi
    ) -> None:
        self._gate = gate
        self._facts = facts
        self._today = today
        self._api = api
        # Then others put people out, too, and do not say so here.
        self._alone = not api._hs.config.redis.redis_enabled
        self._people: dict[str, _Person] = {}
        self._files: dict[str, tuple[int, frozenset[str]]] = {}
        """The ids of files in a room, up to a place in the stream of events, by room id."""

    def note_leaving(self, user_id: str, room_id: str, mark: Mark | None) -> None:
        """Somebody is about to be out of a room."""
        if mark is None:
            return
        if (person := self._people.get(user_id)) is not None:
            person.rooms[room_id] = mark
            # They may have been in it again since these were found.
            person.safe, person.files_of = {}, frozenset()

    async def judge(self, user_id: str) -> None:
        """Let a request pass, or raise SynapseError with what it is answered."""
        request = getattr(current_context(), "request", None)
        # Once it is known who makes a request, Synapse asks for its own sake, about others.
        if request is None or request.requester is not None or user_id in {self._gate.bot, self._gate.checker}:
            return
        kept_out = self._kept_out(user_id, await self._person(user_id))
        if not kept_out:
            return
        wanted = asked(request.method, request.url)
        rooms = wanted.rooms | (await self._rooms_of(wanted.events) if wanted.events else frozenset())
        if not kept_out.isdisjoint(rooms):
            raise not_in_room(user_id)
        if wanted.media and wanted.media in await self._files_kept(user_id, kept_out):
            raise SynapseError(404, "Not found", Codes.NOT_FOUND)
        # While no policy is known, nobody is signed out; what must not be shown is not shown.
        if wanted.what in {"sync", "events"} and self._facts() is not None:
            await self._judge_sync(user_id, wanted, kept_out)
        if wanted.what == "notifications" and await self._any(_NOTIFIED, user_id, kept_out):
            raise Answered({"notifications": []}, "The guard has answered")

    async def mark_kept(self, user_id: str, room_id: str) -> Mark | None:
        """What a room is that somebody left and may be in no more; None for any other."""
        person = await self._person(user_id)
        return person.rooms.get(room_id) if room_id in self._kept_out(user_id, person) else None

    async def extra_fields(self, event: EventBase) -> dict[str, Any]:
        """Nothing to add to an event that is about to be shown; raises SynapseError where it must not be."""
        request = getattr(current_context(), "request", None)
        user_id = request.requester if request is not None else None
        if user_id is None or user_id in {self._gate.bot, self._gate.checker}:
            return {}
        if event.type == MEMBER and event.get("state_key") == user_id:
            return {}
        if event.type in _SAYS_NOTHING and event.sender == self._gate.bot:
            return {}
        person = await self._person(user_id)
        if event.room_id in person.rooms and event.room_id in self._kept_out(user_id, person):
            log.warning("The guard refused M3: an event of %s, shown to %s", event.room_id, user_id)
            raise _later(5000) if _begins(request) else not_in_room(user_id)
        return {}

    async def _judge_sync(self, user_id: str, wanted: NamedByRequest, kept_out: frozenset[str]) -> None:
        person = self._people[user_id]
        since = wanted.since
        if since is None:
            if wanted.sliding and await self._any(_NOT_FORGOTTEN, user_id, kept_out):
                # For a moment only: Synapse is about to forget it.
                raise _later(1000)
            return
        if since >= person.safe.get(kept_out, since + 1) and not wanted.all_state:
            return
        left = await self._left(user_id, since, kept_out)
        before = any(since < place for place, _ in left.values())
        shown = any(shows for _, shows in left.values())
        if wanted.sliding and before:
            # Sections 7 and 9 of MSC4186: the client begins a new connection.
            raise SynapseError(400, "This position is too old.", "M_UNKNOWN_POS")
        if shown or (before and wanted.all_state):
            log.info("A sync of %s from before they were put out of a room ends: the client begins anew", user_id)
            raise SynapseError(401, "Sign in again.", Codes.UNKNOWN_TOKEN, {"soft_logout": False})
        if left.keys() == kept_out and not wanted.sliding:
            person.safe = {kept_out: since}

    async def _person(self, user_id: str) -> _Person:
        # There before the homeserver is asked, so that no leaving in between is missed.
        person = self._people.setdefault(user_id, _Person({}))
        if not (person.loaded and self._alone):
            rooms, left_by = await self._api.run_db_interaction("firm_bridge_left", self._read_left, user_id)
            person.rooms.update(rooms)
            if not left_by.items() <= person.left_by.items():
                person.left_by.update(left_by)
                # They may have been in it again since these were found.
                person.safe, person.files_of = {}, frozenset()
            person.loaded = True
        return person

    def _kept_out(self, user_id: str, person: _Person) -> frozenset[str]:
        """The rooms that this person left and may not be in now."""
        if not person.rooms:
            return frozenset()
        facts, today = self._facts(), self._today()
        judged = facts, today, len(person.rooms)
        if person.judged is None or person.judged[0] is not facts or person.judged[1:] != judged[1:]:
            same_firm = person.judged is not None and _same_firm(person.judged[0], facts)
            if not same_firm or person.judged is None or person.judged[1:] != judged[1:]:
                of_matters = {room: mark for room, mark in person.rooms.items() if mark.kind in _OF_MATTERS}
                person.of_matters = self._barred(user_id, of_matters, facts, today)
            others = {room: mark for room, mark in person.rooms.items() if mark.kind not in _OF_MATTERS}
            person.kept_out = person.of_matters | self._barred(user_id, others, facts, today)
            person.judged = judged
        return person.kept_out

    def _barred(self, user_id: str, rooms: Mapping[str, Mark], facts: Facts | None, today: date) -> frozenset[str]:
        if facts is None:
            return frozenset(room for room, mark in rooms.items() if mark.kind in _OF_MATTERS)
        return frozenset(room for room, mark in rooms.items() if not self._gate.may_be_in(user_id, mark, facts, today))

    def _read_left(self, txn: Any, user_id: str) -> tuple[dict[str, Mark], dict[str, str]]:
        """What the rooms are that somebody left, and the events by which they did."""
        txn.execute(_LEFT, (MARKER, user_id))
        rooms, left_by = {}, {}
        for room_id, event_id, text in txn.fetchall():
            marker = json.loads(text)
            if marker["sender"] == self._gate.bot:
                rooms[room_id], left_by[room_id] = mark_of(marker["content"]), event_id
        return rooms, left_by

    async def _left(self, user_id: str, since: int, rooms: Collection[str]) -> dict[str, tuple[int, bool]]:
        """Of these rooms, where the person was put out, and whether something was said between a place and that one."""

        def read(txn: Any) -> dict[str, tuple[int, bool]]:
            listed = sorted(rooms)
            sql = _ON_THE_WAY.format(rooms=_marks(listed))
            txn.execute(sql, (since, self._gate.bot, user_id, *listed))
            return {room_id: (place, bool(shows)) for room_id, place, shows in txn.fetchall()}

        found: dict[str, tuple[int, bool]] = await self._api.run_db_interaction("firm_bridge_on_the_way", read)
        return found

    async def _files_kept(self, user_id: str, kept_out: frozenset[str]) -> frozenset[str]:
        """The ids of all files in these rooms. A file that is in another room, too, is not handed out either."""
        person = self._people[user_id]
        if person.files_of != kept_out:
            out = (await self._left(user_id, 0, kept_out)).keys()
            listed: list[frozenset[str]] = [
                await self._api.run_db_interaction("firm_bridge_files", self._read_files, room_id)
                for room_id in kept_out
            ]
            person.files = frozenset[str]().union(*listed)
            # While somebody is still on their way out, more may come.
            person.files_of = frozenset(out)
        return person.files

    def _read_files(self, txn: Any, room_id: str) -> frozenset[str]:
        place, known = self._files.get(room_id, (0, frozenset[str]()))
        txn.execute(_FILES, (room_id, place, "%mxc://%"))
        found = set(known)
        for at, text in txn.fetchall():
            place = max(place, at)
            found.update(_MXC.findall(text))
        self._files[room_id] = place, frozenset(found)
        return self._files[room_id][1]

    async def _rooms_of(self, events: Collection[str]) -> frozenset[str]:
        def read(txn: Any) -> frozenset[str]:
            listed = sorted(events)
            txn.execute(_ROOM_OF_EVENT.format(events=_marks(listed)), listed)
            return frozenset(room_id for (room_id,) in txn.fetchall())

        found: frozenset[str] = await self._api.run_db_interaction("firm_bridge_room_of_event", read)
        return found

    async def _any(self, sql: str, user_id: str, rooms: Collection[str]) -> bool:
        def read(txn: Any) -> bool:
            listed = sorted(rooms)
            txn.execute(sql.format(rooms=_marks(listed)), (user_id, *listed))
            return txn.fetchone() is not None

        found: bool = await self._api.run_db_interaction("firm_bridge_any", read)
        return found


def _begins(request: Any) -> bool:
    """Whether a request is an older client's first sync, to which Synapse gives an earlier answer for two minutes."""
    wanted = asked(request.method, request.url)
    return wanted.what == "sync" and not wanted.sliding and wanted.since is None


def _later(milliseconds: int) -> SynapseError:
    """What has a client wait and ask again, for raising (specification: Rate limiting)."""
    return SynapseError(429, "Try again in a moment.", Codes.LIMIT_EXCEEDED, {"retry_after_ms": milliseconds})


def mark_of(content: Mapping[str, Any]) -> Mark:
    """What the marker in a room's state says it is."""
    return Mark(str(content.get("kind", "")), str(content.get("key", "")))


def not_in_room(user_id: str) -> SynapseError:
    """What somebody who never was in the room hears, for raising."""
    return SynapseError(403, f"User {user_id} not in room, and room previews are disabled", Codes.FORBIDDEN)


def _same_firm(one: Facts | None, other: Facts | None) -> bool:
    """Whether nothing changed by which access to a matter is decided."""
    return one is not None and other is not None and one.firm is other.firm and one.accounts is other.accounts


def _marks(values: Collection[str]) -> str:
    return ", ".join("?" * len(values))
