"""How much work a page of files is, by how many there are (V3).

    python -m benchmarks.files [--files 1000 10000 100000] [--rounds 30] [--database URL]

No homeserver: the real commands on a real database, from the text that somebody typed to the content of the answer. The
firm has 60 staff, 150 matters of which half are restricted, and 20 channels; a third of all files is in one channel,
the others are spread. Every tenth is a new version of one of a few names, so the versions of these grow with the rest.
The database is empty at the beginning; with several sizes it grows from one to the next. What is measured is the
processor time of the whole process, so that other programs on the machine do not count.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from rich.console import Console
from rich.table import Table

from bridge.commands.dispatch import answer
from bridge.desk import Desk
from bridge.firm.conversation import Conversation, ConversationKind, bot_chat_id
from bridge.firm.model import Firm, Matter, Staff
from bridge.logs import set_up_logging
from bridge.mapping.files import file_in
from bridge.matrix.port import Homeserver
from bridge.reconcile.service import make_reconciler
from bridge.settings import (
    AppserviceSettings,
    DirectorySettings,
    FirmSettings,
    HomeserverSettings,
    LogSettings,
    Settings,
)
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.rooms.accounts import add_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.wording.markdown import notice

STAFF, MATTERS, CHANNELS = 60, 150, 20
BIG = "channel-0"
START_MS = 1_750_000_000_000
BETWEEN_MS = 60_000
PER_UNIT = 500
SERVER = "firm.example"
ENDINGS = (
    ("pdf", "application/pdf"),
    ("docx", "application/msword"),
    ("png", "image/png"),
    ("xlsx", "application/excel"),
)


@dataclass(frozen=True)
class Question:
    """What is typed, where and by whom."""

    what: str
    text: str
    conversation_id: str = ""
    """Empty for the person's chat with the bot."""
    who: str = "s0"


QUESTIONS = (
    Question("first page of a channel", "files", BIG),
    Question("first page of everything one may see", "files"),
    Question("the same for somebody kept out of half the matters", "files", who="s1"),
    Question("search a channel, word in every 2nd file", "files contract", BIG),
    Question("search everything, word in every 15th file", "files appendix"),
    Question("search everything, beginning of 3 letters", "files con"),
    Question("filter a channel by type", "files type:pdf", BIG),
    Question("filter everything by type, person and day", "files type:pdf from:@s4 since:2025-06-15"),
    Question("a channel by name", "files sort:name", BIG),
    Question("a channel by size", "files sort:size", BIG),
    Question("versions of a name", 'files versions "contract 0.pdf"', BIG),
)


def firm() -> Firm:
    staff = {
        f"s{n}": Staff(f"s{n}", f"First{n}", f"Last{n}", f"s{n}@{SERVER}", localpart=f"s{n}") for n in range(STAFF)
    }
    open_to = ("s0",)
    matters = {
        f"m{n}": Matter(f"m{n}", f"2026-{n:04}", f"Matter {n}", restricted=n % 2 == 0, allowed=open_to)
        for n in range(MATTERS)
    }
    return Firm(staff=staff, matters=matters)


def conversations() -> list[Conversation]:
    people = frozenset(f"s{n}" for n in range(STAFF))
    of_matters = [
        Conversation(
            f"matter-{n}", ConversationKind.MATTER, "General", matter_id=f"m{n}", participants=frozenset({"s0"})
        )
        for n in range(MATTERS)
    ]
    channels = [
        Conversation(f"channel-{n}", ConversationKind.CHANNEL, f"Channel {n}", participants=people)
        for n in range(CHANNELS)
    ]
    chats = [
        Conversation(bot_chat_id(one), ConversationKind.BOT, participants=frozenset({one})) for one in sorted(people)
    ]
    return [*of_matters, *channels, *chats]


def sent(number: int, rng: random.Random) -> NewFile:
    # The channel's names are told apart by the number, but for every tenth, which takes one of a few again.
    ending, media_type = ENDINGS[number % 4]
    word = "contract" if number % 2 else "letter"
    name = f"contract {number % 30}.pdf" if number % 10 == 0 else f"{word} {number}.{ending}"
    caption = "with the appendix" if number % 15 == 0 else f"sent to client {rng.randrange(5000)}"
    place = (
        BIG
        if number % 3 == 0
        else rng.choice([f"matter-{rng.randrange(MATTERS)}", f"channel-{rng.randrange(CHANNELS)}"])
    )
    person = f"s{number % 20}"
    info = {"mimetype": media_type, "size": rng.randrange(50_000_000)}
    content = {"msgtype": "m.file", "filename": name, "body": caption, "url": f"mxc://{SERVER}/f{number}", "info": info}
    carried = file_in(content)
    if carried is None:
        raise SystemExit("The benchmark's own message carries no file.")
    user_id, room_id = f"@{person}:{SERVER}", f"!{place}:{SERVER}"
    return NewFile(f"$file{number}", room_id, place, user_id, person, START_MS + number * BETWEEN_MS, carried)


async def fill(store: Store, first: int, last: int, rng: random.Random) -> float:
    """Note files; how many in a second of processor time."""

    def work(unit: Unit, several: Sequence[NewFile]) -> None:
        for one in several:
            add_file(unit, one)

    begun = time.process_time()
    for start in range(first, last, PER_UNIT):
        await store.run(work, [sent(number, rng) for number in range(start, min(start + PER_UNIT, last))])
    taken = time.process_time() - begun
    # As the database does by itself after a while.
    await store.run(lambda unit: unit.execute("ANALYZE") and None)
    return (last - first) / taken


async def ask(desk: Desk, question: Question) -> None:
    place = question.conversation_id or bot_chat_id(question.who)
    person = desk.firm().staff[question.who]
    said, _ = await answer(desk, person, f"@{question.who}:{SERVER}", "$asked", place, question.text)
    listed = str(notice(said.text)["body"]).count("\n- ")
    if listed != 25:
        raise SystemExit(f"{question.what}: {listed} files on the first page, not 25: {said.text[:200]}")


async def measure(desk: Desk, rounds: int) -> list[float]:
    """Milliseconds of processor time for each question, the median; the questions take turns."""
    taken: list[list[float]] = [[] for _ in QUESTIONS]
    for _ in range(rounds + 1):
        for question, times in zip(QUESTIONS, taken, strict=True):
            begun = time.process_time()
            await ask(desk, question)
            times.append((time.process_time() - begun) * 1000)
    return [statistics.median(times[1:]) for times in taken]


async def bench(url: str, sizes: Sequence[int], rounds: int) -> tuple[list[list[float]], list[float]]:
    """For each size the median of each question, and how fast files were noted."""
    # A line for each command would be measured, too.
    set_up_logging(LogSettings(level="warning"))
    settings = Settings(
        homeserver=HomeserverSettings(url="http://127.0.0.1:1", server_name=SERVER),
        appservice=AppserviceSettings(as_token="as-token-of-the-benchmark", hs_token="hs-token-of-the-benchmark"),
        firm=FirmSettings(name="Firm"),
        directory=DirectorySettings(path="none.yaml"),
        security={"alias_key": "k" * 40},
    )
    store, people = Store(url), firm()
    await store.open()
    homeserver = cast("Homeserver", None)
    nothing = cast("Any", None)
    reconciler = make_reconciler(store, homeserver, settings, lambda: people)
    desk = Desk(settings, store, homeserver, reconciler, lambda: people, nothing, nothing, nothing, nothing)
    await store.run(add_conversations, map(NewConversation, conversations()))
    await store.run(add_accounts, {one: one for one in people.staff})
    rng, figures, rates, before = random.Random(1), [], [], 0
    for size in sizes:
        rates.append(await fill(store, before, size, rng))
        figures.append(await measure(desk, rounds))
        before = size
    await store.close()
    return figures, rates


def show(sizes: Sequence[int], figures: Sequence[Sequence[float]], rates: Sequence[float]) -> None:
    table = Table("milliseconds of processor time, median", *(f"{size:,}" for size in sizes), "greatest ratio")
    for row, question in enumerate(QUESTIONS):
        times = [column[row] for column in figures]
        ratio = max((after / before for before, after in pairwise(times)), default=1.0)
        table.add_row(question.what, *(f"{one:.1f}" for one in times), f"{ratio:.2f}")
    table.add_row("files noted in a second of it", *(f"{rate:,.0f}" for rate in rates), "")
    Console().print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--files", type=int, nargs="+", default=[1000, 10_000, 100_000])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    with TemporaryDirectory() as folder:
        url = given.database or f"sqlite:///{Path(folder) / 'bench.db'}"
        figures, rates = asyncio.run(bench(url, given.files, given.rounds))
    show(given.files, figures, rates)


if __name__ == "__main__":
    main()
