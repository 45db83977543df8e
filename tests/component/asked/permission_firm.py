"""One person of each kind and one conversation of each kind, and attempts that leave no trace for the next."""

from __future__ import annotations

import copy
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar, cast

import orjson

from bridge.commands.asking.permissions import Person, PlaceKind
from bridge.firm.conversation import ADMINS_ID, channel_id, channel_key, direct_id, first_matter_conversation_id
from bridge.firm.room_keys import matter_space_key
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import MODELS, AuditRow, InboxEvent, OutboxMessage
from bridge.store.queues.outbox import pending
from bridge.store.rooms.made import room_of
from tests.cast import KINDS, entry
from tests.component.small_firm import SmallFirm, small_firm, write_directory
from tests.fakes.homeserver import Recorded
from tests.fakes.room import Room

Json = dict[str, Any]
T = TypeVar("T")
Rows = dict[str, list[tuple[Any, ...]]]
"""What is stored, by table."""
WHO = {
    Person.PARTICIPANT: "pia",
    Person.ACCESS: "abe",
    Person.NO_ACCESS: "otto",
    Person.WALLED: "wes",
    Person.ADMIN: "ada",
    Person.FORMER: "fay",
    Person.STRANGER: "stranger",
}
OPEN_NUMBER, CLOSED_NUMBER, NO_NUMBER = "2031-0017", "2031-0018", "2031-0019"
NUMBERS = {PlaceKind.MATTER: OPEN_NUMBER, PlaceKind.CLOSED: CLOSED_NUMBER}
CHANGE = "THE-CHANGE-THAT-WAITS"
"""What stands in a command for the fingerprint of the change of the directory that waits."""
CHANNELS = {PlaceKind.CHANNEL: "Court Dates", PlaceKind.ARCHIVED: "Old Talk", PlaceKind.FIRM_WIDE: "Everyone"}
_KEYS = {
    PlaceKind.DIRECT: direct_id(("pia", "paul", "fay")),
    PlaceKind.MATTER: first_matter_conversation_id("m1"),
    PlaceKind.CLOSED: first_matter_conversation_id("m2"),
    **{place: channel_id(channel_key(name)) for place, name in CHANNELS.items()},
}
SECRETS = (OPEN_NUMBER, CLOSED_NUMBER, "Tidewell", "Quill", "Warranties", "Settlement")
"""What names the two restricted matters: numbers, words of titles, clients, and titles of their conversations."""
_KEPT = [model._meta.table_name for model in MODELS if model not in {InboxEvent, OutboxMessage, AuditRow}]
"""The tables that are compared and put back. The audit log cannot be put back, and may grow by a refusal."""


def _staff(*former: str) -> list[Json]:
    return [entry(replace(person, former=person.id in former)) for person in KINDS]


def _matters(closed: str = "open", title: str = "Sale of Tidewell Brewing") -> list[Json]:
    return [
        _restricted("m1", OPEN_NUMBER, title, "Tidewell", "open"),
        _restricted("m2", CLOSED_NUMBER, "Quill v Quill", "Quill", closed),
        *({"id": f"x{n}", "number": f"2027-{n:04}", "title": "T", "status": "open"} for n in range(30)),
    ]


def _restricted(matter_id: str, number: str, title: str, client: str, status: str) -> Json:
    # Wes has a part in it, in spite of which the wall keeps him out; Fay had one until she left.
    return {
        "id": matter_id,
        "number": number,
        "title": title,
        "client": client,
        "status": status,
        "responsible": "pia",
        "assisting": ["paul", "fay", "wes"],
        "restricted": True,
        "allowed": ["abe", "nell"],
    }


_WALLS = [
    {"id": f"w{number}", "matter": number, "people": ["wes"], "memo": "Kin.", "set_by": "pia"}
    for number in (OPEN_NUMBER, CLOSED_NUMBER)
]


@dataclass(frozen=True)
class Attempt:
    """What came of one command."""

    answers: list[tuple[str, str, Json]]
    """Room id, sender and content of what the bridge says."""
    requests: list[Recorded]
    changes: list[Recorded]
    stored: bool
    """Whether what is stored is different now, or the audit log says that something was done."""
    events: list[Json]
    """What happened on the homeserver."""

    @property
    def text(self) -> str:
        """All that the bot says."""
        return "\n".join(content.get("body", "") for _, _, content in self.answers)

    @property
    def nothing_changed(self) -> bool:
        return not (self.changes or self.stored or self.events)

    @property
    def shape(self) -> str:
        """What somebody may see of it and how much work it was, whatever the numbers of rooms."""
        answers = [(sender, content.get("body"), content.get("formatted_body")) for _, sender, content in self.answers]
        return re.sub(r"!room\d+", "!room", str((answers, [(asked.method, asked.path) for asked in self.requests])))


@dataclass
class _Baseline:
    """Everything as it was before the first attempt."""

    rows: Rows
    rooms: dict[str, Room]
    aliases: dict[str, str]
    account_data: dict[tuple[str, ...], Json]
    push_rules: dict[tuple[str, str, str], Json]
    firm: Any
    held: Any


@dataclass
class PermissionFirm:
    """The firm, put back after every attempt."""

    firm: SmallFirm
    rooms: dict[PlaceKind, str]
    chats: dict[str, str]
    admins: str
    """The room of the firm's admins."""
    matter_rooms: frozenset[str]
    """The rooms and spaces of the two restricted matters."""
    before: _Baseline
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def user(self, person: Person) -> str:
        return self.firm.user(WHO[person])

    def chat(self, person: Person) -> str:
        """Where this person writes to the bot. An account that is no staff has no such chat, and is in Pia's."""
        return self.chats.get(WHO[person], self.chats["pia"])

    def room(self, place: PlaceKind, person: Person) -> str:
        """The room of this kind."""
        return self.chat(person) if place is PlaceKind.BOT else self.rooms[place]

    async def attempt(self, person: Person, room_id: str, text: str, prepare: str = "") -> Attempt:
        """Let a message of this person reach the bridge, whether the homeserver would take it now or not: it may have
        been written before it would not. `prepare` is what the person asked in the chat before."""
        if (held := self.firm.service.directory.held) is not None:
            text, prepare = (one.replace(CHANGE, held.fingerprint()) for one in (text, prepare))
        if prepare:
            asked = self._message(person, chat := self.chat(person), prepare)
            self.firm.fake.rooms[chat].timeline.append(asked)
            await self.firm.handle(asked)
            await self.firm.service.store.run(_taken_outbox)
        last_done = await self.firm.service.store.run(_last_done)
        self.firm.fake.requests.clear()
        self.firm.new.clear()
        await self.firm.handle(self._message(person, room_id, text))
        answers, rows, done = await self.firm.service.store.run_undurable(
            lambda unit: (_taken_outbox(unit), _rows(unit), _last_done(unit))
        )
        found = Attempt(
            answers,
            list(self.firm.fake.requests),
            self.firm.fake.changes(),
            rows != self.before.rows or done != last_done,
            list(self.firm.new),
        )
        if not found.nothing_changed:
            await self._put_back(rows)
        return found

    def _message(self, person: Person, room_id: str, text: str) -> Json:
        return {
            "type": "m.room.message",
            "room_id": room_id,
            "sender": self.user(person),
            "event_id": f"$attempt{next(self._numbers)}",
            "origin_server_ts": 1_900_000_000_000,
            "content": {"msgtype": "m.text", "body": text},
            "unsigned": {},
        }

    async def _put_back(self, rows: Rows) -> None:
        fake, before, directory = self.firm.fake, self.before, self.firm.service.directory
        for room_id, room in list(fake.rooms.items()):
            old = before.rooms.get(room_id)
            if old is None:
                del fake.rooms[room_id]
            elif len(old.timeline) != len(room.timeline) or old.forgotten != room.forgotten:
                fake.rooms[room_id] = copy.deepcopy(old)
        fake.aliases, fake.account_data = dict(before.aliases), copy.deepcopy(before.account_data)
        fake.push_rules = copy.deepcopy(before.push_rules)
        directory.firm, directory.held = before.firm, before.held
        if rows != before.rows:
            await self.firm.service.store.run_undurable(_write_back, before.rows)
            await self.firm.service.in_force.load()


def _taken_outbox(unit: Unit) -> list[tuple[str, str, Json]]:
    found = [(row.room_id, row.sender, orjson.loads(row.content)) for row in pending(unit, 0, 1000)]
    unit.run(OutboxMessage.delete())
    return found


def _rows(unit: ReadUnit) -> Rows:
    return {table: unit.rows(f'SELECT * FROM "{table}" ORDER BY 1') for table in _KEPT}


def _last_done(unit: ReadUnit) -> int | None:
    """The last entry of the audit log about something that was done."""
    (position,) = unit.row("SELECT MAX(position) FROM audit_row WHERE outcome = 'done'")
    return cast("int | None", position)


def _write_back(unit: Unit, before: Rows) -> None:
    for table in reversed(_KEPT):
        unit.execute(f'DELETE FROM "{table}"')
    for table in _KEPT:
        for row in before[table]:
            unit.execute(f'INSERT INTO "{table}" VALUES ({", ".join("?" * len(row))})', *row)


async def _follow(firm: SmallFirm, path: Path, **changed: Any) -> None:
    write_directory(str(path), **changed)
    directory = firm.service.directory
    before = directory.firm
    await directory.refresh()
    assert not directory.problems
    if directory.held is not None:
        await directory.confirm("ada")
        await directory.refresh()
    assert not (await firm.service.reconciler.passes.follow(before)).failed
    await firm.settle()


async def _set_up(firm: SmallFirm, path: Path) -> None:
    """Make the conversations, then close a matter, let Fay leave, and let a change wait that names both matters."""
    firm.fake.add_user("stranger")
    await firm.ask("ada", "!wall add 2027-0003 @abe Set before everything else")
    for text in (
        f'!matter rename {OPEN_NUMBER} "General" to Warranties',
        f'!matter rename {CLOSED_NUMBER} "General" to Settlement',
        "!dm @paul @fay",
        "!channel create Court Dates @paul @fay",
        "!channel create Old Talk @paul @fay",
        "!channel archive Old Talk",
    ):
        await firm.ask("pia", text)
    closed = {"staff": _staff("fay"), "matters": _matters("closed"), "walls": _WALLS}
    await _follow(firm, path, **closed)
    write_directory(
        str(path), **closed | {"staff": _staff("fay", "nell", "otto"), "matters": _matters("open", "Tidewell v All")}
    )
    await firm.service.directory.refresh()
    assert firm.service.directory.held is not None


async def _rooms(firm: SmallFirm, keys: Mapping[T, str]) -> dict[T, str]:
    """The room ids of these keys, by what the keys are known by."""
    found = await firm.service.store.run(lambda unit: {name: room_of(unit, key) for name, key in keys.items()})
    rooms = {name: room_id for name, room_id in found.items() if room_id is not None}
    assert rooms.keys() == keys.keys()
    return rooms


async def _baseline(firm: SmallFirm) -> _Baseline:
    fake, directory = firm.fake, firm.service.directory
    return _Baseline(
        await firm.service.store.run(_rows),
        copy.deepcopy(fake.rooms),
        dict(fake.aliases),
        copy.deepcopy(fake.account_data),
        copy.deepcopy(fake.push_rules),
        directory.firm,
        directory.held,
    )


@asynccontextmanager
async def permission_firm(folder: Path, database_url: str) -> AsyncIterator[PermissionFirm]:
    """The firm with all conversations made."""
    sections: Json = {"staff": _staff(), "matters": _matters(), "walls": _WALLS}
    async with small_firm(folder, database_url, **sections) as firm:
        await _set_up(firm, folder / "directory.yaml")
        rooms = await _rooms(firm, _KEYS)
        spaces = await _rooms(firm, {matter_id: matter_space_key(matter_id) for matter_id in ("m1", "m2")})
        of_matters = frozenset({*spaces.values(), *(rooms[place] for place in NUMBERS)})
        chats = {localpart: await firm.chat(localpart) for localpart in (person.id for person in KINDS)}
        (admins,) = (await _rooms(firm, {"": ADMINS_ID})).values()
        yield PermissionFirm(firm, rooms, chats, admins, of_matters, await _baseline(firm))
