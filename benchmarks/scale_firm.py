"""A made-up firm of any size for `scale.py`: its directory, and a database in which all of it is long in place.

    python -m benchmarks.scale_firm FOLDER STAFF

makes both in a folder, with ten matters, a hundred files and a thousand audit entries for each person.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import hashlib
import random
import sys
from collections.abc import Iterable, Sequence
from dataclasses import astuple, replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from peewee import chunked

from bridge.firm.audit import NO_DIGEST, AuditEntry, Deed, chained
from bridge.firm.conversation import Conversation, ConversationKind, direct_id
from bridge.logs import set_up_logging
from bridge.mapping.files import file_in
from bridge.mapping.ids import hidden_alias
from bridge.reconcile.accounts import profile_digest
from bridge.reconcile.planning.desired import Desired
from bridge.service import FirmService, open_firm
from bridge.settings import (
    AccountSettings,
    AppserviceSettings,
    DatabaseSettings,
    DirectorySettings,
    FirmSettings,
    GuardSettings,
    HomeserverSettings,
    LogSettings,
    SecuritySettings,
    Settings,
)
from bridge.store import models
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.rooms.conversations import NewConversation
from tests.fakes.guard import GUARD_KEY
from tests.fakes.homeserver import AS_TOKEN, HS_TOKEN

SERVER = "localhost"
MADE_MS = 1_750_000_000_000
"""When everything was made, in milliseconds since the epoch."""
_AT_ONCE = 2000
_MEMO = ("A cousin is the other side.", "s0", "2026-03-30")
_ENDINGS = (("pdf", "application/pdf"), ("docx", "application/msword"), ("png", "image/png"))
Rows = Sequence[Sequence[object]]


def settings_of(folder: Path, homeserver: str = "http://127.0.0.1:1", port: int = 9009) -> Settings:
    """Settings of the bridge for the firm in this folder."""
    return Settings(
        homeserver=HomeserverSettings(url=homeserver, server_name=SERVER),
        appservice=AppserviceSettings(
            as_token=AS_TOKEN, hs_token=HS_TOKEN, listen_port=port, url=f"http://127.0.0.1:{port}"
        ),
        accounts=AccountSettings(avatars=False),
        firm=FirmSettings(name="Ashcombe Vale"),
        directory=DirectorySettings(path=str(folder / "directory")),
        database=DatabaseSettings(url=f"sqlite:///{folder / 'bridge.db'}"),
        security=SecuritySettings(alias_key="alias-key-of-the-benchmark"),
        guard=GuardSettings(key=GUARD_KEY),
        log=LogSettings(level="warning"),
    )


def set_up_quiet_logging() -> None:
    """Log what is wrong, and not to standard output, which is for figures."""
    set_up_logging(LogSettings(level="warning"))
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))


def number_of(matter: int) -> str:
    """A matter's number."""
    return f"2026-{matter:05}"


def write_directory(
    folder: Path, staff: int, *, title: str = "", joined: int = 0, walled: int = 0, gone: int = 0
) -> None:
    """The directory's files: `title` is another one of one matter, so many people joined a team, so many walls came,
    and so many last people have left.

    A tenth of the matters is closed, a fifth restricted; there are three walls for ten people. A channel has as many
    people in a firm of any size.
    """
    path = folder / "directory"
    path.mkdir(exist_ok=True)
    people = [f"s{n}" for n in range(staff)]
    matters = staff * 10
    walls = [_wall(n, staff) for n in range(staff * 3 // 10)]
    walls += [(f"N-{n}", "exclude", number_of(n * 10), "", team_of(n * 10, staff)[1], *_MEMO) for n in range(walled)]
    team = partial(team_of, staff=staff, joined=joined)
    _write(
        path / "staff.csv",
        ("Id", "First Name", "Last Name", "Email", "Role", "Former"),
        [
            (
                one,
                f"Robin{n}",
                f"Vale{n}",
                f"robin{n}@b.example",
                "Owner" if n < 2 else "Clerk",
                "yes" if n >= staff - gone else "no",
            )
            for n, one in enumerate(people)
        ],
    )
    _write(
        path / "groups.csv",
        ("Id", "Name", "Members"),
        [(f"g{n}", f"Group {n}", "; ".join(people[n::20])) for n in range(20)],
    )
    _write(
        path / "matters.csv",
        ("Id", "Number", "Title", "Status", "Client", "Responsible", "Assisting", "Restricted"),
        [
            (
                f"m{n}",
                number_of(n),
                title if title and n == 5 else f"Matter about {n % 97} and {n}",
                "Closed" if n % 10 == 9 else "Open",
                f"Client {n // 4}",
                team(n)[0],
                "; ".join(team(n)[1:]),
                "yes" if n % 5 == 4 else "no",
            )
            for n in range(matters)
        ],
    )
    _write(
        path / "access.csv",
        ("Matter", "Person"),
        [(number_of(n), f"g{n % 20}") for n in range(matters) if n % 5 == 4],
    )
    _write(path / "walls.csv", ("Id", "Kind", "Matter", "Client", "People", "Memo", "Set By", "Since"), walls)
    _write(
        path / "channels.csv",
        ("Name", "Topic", "Participants"),
        [(f"Tide {n}", "High and low", "; ".join(people[n % 20 :: staff // 5])) for n in range(50)],
    )


def team_of(matter: int, staff: int, joined: int = 0) -> list[str]:
    """The staff ids of a matter's team."""
    team = [f"s{(matter * 7 + step * 13) % staff}" for step in range(4)]
    return [*team, f"s{staff // 2 + matter}"] if matter % 10 == 6 and matter // 10 < joined else team


def _wall(number: int, staff: int) -> Sequence[object]:
    """A third around clients, the rest around matters; never against the firm's first admin."""
    people = "; ".join(f"s{1 + (number * 11 + step * 5) % (staff - 1)}" for step in range(3))
    matter = number_of(number * 30 + 10)
    around = ("", f"Client {number * 8 + 2}") if number % 3 == 0 else (matter, "")
    return (f"W-{number}", "exclude", *around, people, *_MEMO)


def _write(file: Path, header: Sequence[str], rows: Rows) -> None:
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])


def room_id_of(key: str) -> str:
    """The room that a key has had for long."""
    return f"!{hashlib.sha256(key.encode()).hexdigest()[:18]}:{SERVER}"


async def fill(firm: FirmService, staff: int) -> None:
    """Store all that the directory asks for as if it were in place, and what people did since."""
    wanted = await firm.reconciler.planner.desired()
    directs = [_direct(n, staff) for n in range(staff * 2)]
    await firm.store.run(_store_conversations, [*wanted.new_conversations, *directs], wanted)
    shaped = (await firm.reconciler.planner.desired()).shapes
    await firm.store.run(_store_rooms, shaped.keys(), firm.settings)
    keys = [
        one.conversation.id for one in wanted.new_conversations if one.conversation.kind.value in {"matter", "channel"}
    ]
    for numbers in chunked(range(staff * 100), _AT_ONCE):
        await firm.store.run(_store_files, numbers, keys, staff)
    await firm.store.run(_store_audit, staff * 1000, keys, staff)
    await firm.store.run(lambda unit: unit.execute("ANALYZE") and None)


def _direct(number: int, staff: int) -> NewConversation:
    pair = {f"s{number % staff}", f"s{(number * 3 + 1 + number // staff) % staff}"}
    if len(pair) == 1:
        pair = {"s0", "s1"}
    return NewConversation(Conversation(direct_id(pair), ConversationKind.DIRECT, participants=frozenset(pair)))


def _insert(unit: Unit, model: Any, rows: Iterable[dict[str, Any]]) -> None:
    for some in chunked(rows, _AT_ONCE):
        unit.run(model.insert_many(some).on_conflict_ignore())


def _store_conversations(unit: Unit, new: Sequence[NewConversation], wanted: Desired) -> None:
    _insert(
        unit,
        models.Account,
        (
            {
                "staff_id": staff_id,
                "localpart": localpart,
                "profile": profile_digest(wanted.firm.staff[staff_id], avatars=False),
                "welcomed_at": 0,
            }
            for staff_id, localpart in wanted.new_localparts.items()
        ),
    )
    _insert(
        unit,
        models.Conversation,
        (
            {
                "id": one.conversation.id,
                "kind": one.conversation.kind.value,
                "title": one.conversation.title,
                "topic": one.conversation.topic,
                "matter_id": one.conversation.matter_id,
                "name_key": one.name_key,
                "alias_localpart": one.alias_localpart,
                "everyone": one.conversation.everyone,
                "created_at": MADE_MS,
            }
            for one in new
        ),
    )
    admins = wanted.new_admins or frozenset()
    _insert(
        unit,
        models.Participant,
        (
            {"conversation": one.id, "staff_id": staff_id, "since": MADE_MS + 1}
            for item in new
            for one in (item.conversation,)
            for staff_id in (admins if one.kind is ConversationKind.ADMINS else one.participants)
        ),
    )
    _insert(
        unit,
        models.NewestMessage,
        (
            {"conversation_id": one.conversation.id, "at_ms": MADE_MS + place}
            for place, one in enumerate(new)
            if one.conversation.kind is ConversationKind.CHANNEL
        ),
    )


def _store_rooms(unit: Unit, keys: Iterable[str], settings: Settings) -> None:
    secret = settings.security.alias_key.get_secret_value()
    aliases = {row.id: row.alias_localpart for row in unit.all(models.Conversation.select())}
    _insert(
        unit,
        models.Room,
        (
            {"key": key, "alias_localpart": aliases.get(key) or hidden_alias(key, secret), "room_id": room_id_of(key)}
            for key in keys
        ),
    )


def _store_files(unit: Unit, numbers: Iterable[int], keys: Sequence[str], staff: int) -> None:
    chance = random.Random(min(numbers := list(numbers)))
    for number in numbers:
        ending, media_type = _ENDINGS[number % 3]
        word = "contract" if number % 2 else "letter"
        info = {"mimetype": media_type, "size": chance.randrange(50_000_000)}
        content = {
            "msgtype": "m.file",
            "filename": f"{word} {number}.{ending}",
            "body": f"sent to client {chance.randrange(5000)}",
            "url": f"mxc://{SERVER}/f{number}",
            "info": info,
        }
        key, person, carried = chance.choice(keys), f"s{number % staff}", file_in(content)
        assert carried is not None
        sender = f"@robin{number % staff}:{SERVER}"
        add_file(
            unit, NewFile(f"$file{number}", room_id_of(key), key, sender, person, MADE_MS + number * 1000, carried)
        )


def _store_audit(unit: Unit, count: int, keys: Sequence[str], staff: int) -> None:
    last = unit.row("SELECT digest FROM audit_row ORDER BY position DESC LIMIT 1")
    previous = last[0] if last is not None else NO_DIGEST
    columns = ("at_ms", "deed", "actor", "subject", "person", "reason", "cause", "outcome", "previous", "digest")
    plain = AuditEntry(MADE_MS, Deed.PARTICIPANT_JOINED)
    for numbers in chunked(range(count), 90):
        rows = []
        for number in numbers:
            person, key = f"s{number * 7 % staff}", keys[number % len(keys)]
            entry = replace(
                plain, at_ms=MADE_MS + number, actor=person, subject=key, person=person, cause=f"$a{number}"
            )
            digest = chained(previous, entry)
            rows.append((*astuple(entry), previous, digest))
            previous = digest
        values = ", ".join(f"({', '.join('?' * len(columns))})" for _ in rows)
        unit.execute(
            f"INSERT INTO audit_row ({', '.join(columns)}) VALUES {values}", *(value for row in rows for value in row)
        )


async def make(folder: Path, staff: int) -> None:
    """Make the directory and the database in this folder."""
    settings = settings_of(folder)
    set_up_quiet_logging()
    write_directory(folder, staff)
    async with open_firm(settings) as firm:
        if problems := firm.directory.problems:
            raise SystemExit("\n".join(map(str, problems[:5])))
        await fill(firm, staff)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("staff", type=int)
    given = parser.parse_args()
    asyncio.run(make(given.folder, given.staff))
