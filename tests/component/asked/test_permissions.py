"""Every command, by every kind of person, in every kind of conversation, is answered as the declared table says."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass

import pytest
import pytest_asyncio

from bridge.commands.all import COMMANDS
from bridge.commands.asking.permissions import (
    ABSENT,
    DONE,
    IGNORED,
    INSIDE,
    MATTER_PLACES,
    NO_STAFF,
    OUTCOMES,
    CommandOutcome,
    Person,
    PlaceKind,
)
from bridge.commands.asking.table import Argument, ArgumentType
from tests.component.asked.permission_firm import (
    CHANGE,
    CHANNELS,
    NO_NUMBER,
    NUMBERS,
    SECRETS,
    Attempt,
    PermissionFirm,
    permission_firm,
)
from tests.component.conftest import own_database

pytestmark = pytest.mark.asyncio(loop_scope="module")


@dataclass(frozen=True)
class Typed:
    """How a command is typed for the test, without its name."""

    done: str
    """A pattern for what the bot answers where it is done."""
    bare: str = ""
    """Without saying which matter or channel."""
    named: str = ""
    """The same with {number} or {channel}; empty for a command that names neither."""
    prepare: str = ""
    """What is asked in the chat before."""
    needs_name: bool = False
    """Whether it is named also where it is typed in the conversation."""
    told: frozenset[PlaceKind] = frozenset()
    """Kinds of conversations in which the bot tells those who are in it, or reacts once they are, besides answering."""
    tells: str = ""
    """Whom the bot tells in their own chat, besides answering."""
    tells_admins: bool = False
    """Whether the bot says in the admins' room what waits for them then, which names no matter."""


PEOPLE = "@nell @wes @fay @stranger"
"""Nell may come; Wes into no conversation of the matters; the others nowhere."""
BY_NAME = {command.name: command for command in COMMANDS}
TYPED = {
    "dm": Typed("Here is your direct conversation", "@nell Good morning"),
    "matter list": Typed("2027-0001"),
    "matter show": Typed("Status: (open|closed)", named="{number}"),
    "matter start": Typed("Started", '"Next" @nell @wes', '{number} "Next" @nell @wes'),
    "matter join": Typed("You are in", "", "{number}", needs_name=True, told=frozenset(MATTER_PLACES)),
    "matter leave": Typed("You have left", "", "{number}"),
    "matter rename": Typed("It is called", "Renamed", "{number} 1 to Renamed"),
    "matter archive": Typed("is archived", "", "{number}", told=frozenset(MATTER_PLACES)),
    "matter restore": Typed("is open again|is not archived any more", "", "{number}", told=frozenset(MATTER_PLACES)),
    "matter transcript": Typed("Nobody has said anything|Here is the transcript", named="{number}"),
    "participants": Typed("participants"),
    "add": Typed("Nell Newcomer: (added|is in it already)|This one stays as it is", PEOPLE, tells="nell wes"),
    "remove": Typed("Paul Participant: (removed|was not in it)", "@paul @wes @stranger"),
    "pin": Typed("Tell me which message"),
    "unpin": Typed("Tell me which message"),
    "pinned": Typed("Nothing is pinned here"),
    "files": Typed("There are no files"),
    "files versions": Typed("No file here is called", "Lease.pdf"),
    "channel list": Typed("Court Dates"),
    "channel search": Typed("Old Talk", "talk"),
    "channel recent": Typed("Nobody has written in a channel yet"),
    "channel info": Typed("Participants: ", "", "{channel}"),
    "channel create": Typed("Made the channel", "Lunch @nell"),
    "channel join": Typed("You are in", "", "{channel}", needs_name=True, told=frozenset(CHANNELS)),
    "channel leave": Typed("You have left", "", "{channel}"),
    "channel add": Typed("Nell Newcomer: (added|is in it already)", PEOPLE, "{channel} " + PEOPLE, tells="nell wes"),
    "channel remove": Typed("Paul Participant: (removed|was not in it)", "@paul @fay", "{channel} @paul @fay"),
    "channel rename": Typed("The channel is called", "Renamed", '"{channel}" to Renamed'),
    "channel topic": Typed("The topic is set", "Topic", '"{channel}" Topic'),
    "channel archive": Typed("is archived", "", "{channel}", told=frozenset(CHANNELS)),
    "channel restore": Typed("is open again", "", "{channel}", told=frozenset(CHANNELS)),
    "panel": Typed("There is no panel in this firm"),
    "panel sessions": Typed("You are not signed in to the panel"),
    "panel end": Typed("You were not signed in to the panel"),
    "help": Typed("!dm"),
    "more": Typed("2027-0029", prepare="matter list"),
    "digest": Typed("There is no morning digest"),
    "ping": Typed("pong"),
    "directory status": Typed("The directory has"),
    "directory plan": Typed("What the change .* would do"),
    "directory confirm": Typed("Confirmed", CHANGE, told=MATTER_PLACES),
    "directory undo": Typed("Taken back", prepare=f"directory confirm {CHANGE}", told=MATTER_PLACES, tells_admins=True),
    "why": Typed("Nell Newcomer can see matter 2027-0001", "@nell 2027-0001"),
    "access": Typed("Wes Walled .* is active staff", "@wes"),
    "matter access": Typed("7 of 7 can see it", "2027-0001"),
    "matter filing": Typed("not stored in a filing cabinet", "2027-0001"),
    "files status": Typed("not stored in a filing cabinet"),
    "plan": Typed("everything is as it should be"),
    "audit": Typed("The log, newest first"),
    "staff leave": Typed("Tell me who", ""),
    "staff return": Typed("works here already", "@nell"),
    "staff list": Typed("Cut off from the firm"),
    "wall add": Typed("keeps Nell Newcomer out", "2027-0001 @nell A cousin", tells="nell"),
    "wall only": Typed("lets only Nell Newcomer into", "2027-0001 @nell Sealed"),
    "wall lift": Typed("Lifted", "wall-1", tells="abe"),
    "wall list": Typed("wall-1"),
    "wall report": Typed("wall-1", "wall-1"),
    "wall acknowledge": Typed("noted|You were told of no wall"),
}
"""How commands are typed; one that is not here is typed as it is declared."""
NO_REFUSAL = rf"(?s)\A(?!.*(?:{'|'.join(outcome.words for outcome in OUTCOMES if outcome.words)})).+"
"""Whatever the bot answers that is no refusal."""
EXAMPLES = {
    ArgumentType.PEOPLE: "@nell",
    ArgumentType.EACH: PEOPLE,
    ArgumentType.SCREENED: "@nell",
    ArgumentType.MATTER: "2027-0001",
    ArgumentType.AROUND: "2027-0001",
    ArgumentType.TITLE: '"Next"',
}
PLACES = {ArgumentType.MATTER: "{number}", ArgumentType.NAME: "{channel}"}
"""What names the conversation that is meant."""


def typed_as_declared(arguments: Sequence[Argument]) -> Typed:
    """How a command with these arguments is typed: with what it needs, and what names a conversation."""
    needed = [EXAMPLES.get(one.type, "Words") for one in arguments if one.required]
    places = [PLACES[one.type] for one in arguments if one.names_place and one.type in PLACES]
    return Typed(NO_REFUSAL, " ".join(needed), " ".join([*places, *needed]) if places else "")


ALL_TYPED = {command.name: typed_as_declared(command.arguments) for command in COMMANDS} | TYPED


@dataclass(frozen=True)
class Try:
    """One thing to type, and what should come of it."""

    room_id: str
    text: str
    expected: CommandOutcome


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def on(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[PermissionFirm]:
    folder = tmp_path_factory.mktemp("firm")
    with own_database(folder) as url:
        async with permission_firm(folder, url) as made:
            yield made


async def test_a_command_is_typed_as_it_is_declared() -> None:
    assert set(TYPED) <= set(BY_NAME)
    shown, added = (typed_as_declared(BY_NAME[name].arguments) for name in ("matter show", "channel add"))
    assert (shown.bare, shown.named) == ("", "{number}")
    assert (added.bare, added.named) == (PEOPLE, "{channel} " + PEOPLE)
    assert re.search(NO_REFUSAL, "It is done.")
    assert not re.search(NO_REFUSAL, "Nothing was done.\nYou are not in Court Dates.")


async def test_a_command_that_can_be_about_another_place_is_tried_by_its_name() -> None:
    """Else the cells for those who are not in it would prove nothing."""
    elsewhere = {
        command.name for command in COMMANDS if any(others is not INSIDE for _, others in command.row.about.values())
    }
    assert {name for name in elsewhere if not ALL_TYPED[name].named} == set()


def _is_in(place: PlaceKind, person: Person) -> bool:
    everybody = place in {PlaceKind.BOT, PlaceKind.FIRM_WIDE} and person not in NO_STAFF
    return everybody or person is Person.PARTICIPANT


def _tries(on: PermissionFirm, name: str, place: PlaceKind, person: Person) -> Iterator[Try]:
    """The ways in which this person may type the command about or in this kind of conversation."""
    permission, typed = BY_NAME[name].row, ALL_TYPED[name]
    room, chat = on.room(place, person), on.chat(person)
    bare = f"!{name} {typed.bare}".strip()
    elsewhere = permission.outcome(PlaceKind.BOT, person)
    if place not in permission.about:
        yield Try(room, bare, elsewhere)
        for about in (PlaceKind.MATTER, PlaceKind.CHANNEL):
            if typed.named and about in permission.about:
                yield Try(room, f"!{name} {_named(typed, about)}", permission.outcome(about, person))
        return
    expected = permission.outcome(place, person)
    named = f"!{name} {_named(typed, place)}" if typed.named else bare
    if typed.named:
        yield Try(chat, named, expected)
    if typed.needs_name:
        yield Try(room, named, expected)
    else:
        yield Try(room, bare, expected if _is_in(place, person) else elsewhere)


def _named(typed: Typed, about: PlaceKind) -> str:
    return typed.named.format(number=NUMBERS.get(about), channel=CHANNELS.get(about))


@pytest.mark.parametrize("place", PlaceKind, ids=lambda place: place.name.lower())
@pytest.mark.parametrize("name", BY_NAME)
async def test_a_command_is_answered_as_its_row_says(on: PermissionFirm, name: str, place: PlaceKind) -> None:
    wrong = []
    for person in Person:
        for one in _tries(on, name, place, person):
            found = await on.attempt(person, one.room_id, one.text, ALL_TYPED[name].prepare)
            problems = [
                *_of_outcome(found, one.expected, ALL_TYPED[name]),
                *_of_place(on, found, place, person, one, name),
            ]
            if one.expected is ABSENT:
                problems += await _of_absence(on, found, person, one)
            wrong += [f"{person.name}: {one.text}: {problem}; it says: {found.text}" for problem in problems]
    assert wrong == []


def _of_outcome(found: Attempt, expected: CommandOutcome, typed: Typed) -> Iterator[str]:
    if expected is IGNORED:
        if found.answers or found.requests or not found.nothing_changed:
            yield "was not ignored"
        return
    if expected is not DONE and not found.nothing_changed:
        yield f"is refused, and yet changed {[asked.path for asked in found.changes]}"
    if not re.search(typed.done if expected is DONE else expected.words, found.text):
        yield f"is not answered with {expected.mark}"


def _of_place(
    on: PermissionFirm, found: Attempt, place: PlaceKind, person: Person, one: Try, name: str
) -> Iterator[str]:
    """What holds for everything that anybody types: who hears of it, and who gets into which room (F1, D4, M3)."""
    heard = {on.chat(person)} | ({one.room_id} if _is_in(place, person) else set())
    told = {on.rooms[place] for place in ALL_TYPED[name].told if one.expected is DONE}
    told |= {on.chats[whom] for whom in ALL_TYPED[name].tells.split() if one.expected is DONE}
    told |= {on.admins} if ALL_TYPED[name].tells_admins and one.expected is DONE else set()
    made = {event["room_id"] for event in found.events if event["type"] == "m.room.create"}
    if {room_id for room_id, _, _ in found.answers} - heard - told - made:
        yield "is answered where others see it"
    for event in found.events:
        if event["type"] == "m.room.member" and event["room_id"] in _closed_to(on, event["state_key"]):
            yield f"brings {event['state_key']} into a room that is closed to them"
    shown = str([answer for answer in found.answers if answer[0] in heard])
    yield from (f"says {word}" for word in _secrets(on, person, one.text) if word in shown)
    # Whoever reads in the admins' room may be screened from a matter, whoever it was that typed.
    to_admins = str([answer for answer in found.answers if answer[0] == on.admins])
    yield from (f"says {word} in the admins' room" for word in (*SECRETS, *on.matter_rooms) if word in to_admins)


def _closed_to(on: PermissionFirm, user_id: str) -> set[str]:
    """The rooms in which no membership event for this account may be."""
    closed: set[str] = set()
    if user_id in {on.user(person) for person in NO_STAFF}:
        closed |= set(on.firm.fake.rooms)
    if user_id in {on.user(person) for person in (Person.NO_ACCESS, Person.WALLED, Person.ADMIN)}:
        closed |= on.matter_rooms
    if user_id not in {on.user(Person.PARTICIPANT), on.firm.user("paul"), on.firm.fake.bot_id}:
        closed.add(on.rooms[PlaceKind.DIRECT])
    return closed


def _secrets(on: PermissionFirm, person: Person, typed: str) -> list[str]:
    """What an answer to this person must not have, unless they said it themselves."""
    known = {Person.PARTICIPANT: [], Person.ACCESS: [on.rooms[PlaceKind.DIRECT]]}
    secrets = known.get(person, [*SECRETS, *on.matter_rooms, on.rooms[PlaceKind.DIRECT]])
    return [word for word in secrets if word not in typed]


async def _of_absence(on: PermissionFirm, found: Attempt, person: Person, one: Try) -> list[str]:
    """A matter that must not be seen is answered like one that does not exist, with as much work (M3)."""
    number = next(number for number in NUMBERS.values() if number in one.text)
    missing = await on.attempt(person, one.room_id, one.text.replace(number, NO_NUMBER))
    same = found.shape.replace(number, NO_NUMBER) == missing.shape
    return [] if same else [f"is not answered as for a matter that is not there: {missing.text}"]


@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.row.about])
async def test_D4_M3_who_is_not_in_a_conversation_and_types_there_is_answered_as_in_their_chat(
    on: PermissionFirm, name: str
) -> None:
    text = f"!{name} {ALL_TYPED[name].bare}".strip()
    for person in (Person.ACCESS, Person.NO_ACCESS, Person.WALLED, Person.ADMIN):
        in_chat = await on.attempt(person, on.chat(person), text)
        for place in (PlaceKind.DIRECT, PlaceKind.MATTER):
            assert (await on.attempt(person, on.rooms[place], text)).shape == in_chat.shape, (person, place)


@pytest.mark.parametrize("person", [Person.NO_ACCESS, Person.WALLED, Person.ADMIN], ids=lambda person: person.name)
async def test_M3_nothing_that_can_be_read_without_access_names_the_matter(on: PermissionFirm, person: Person) -> None:
    fake, user_id = on.firm.fake, on.user(person)
    rooms = [room for room in fake.rooms.values() if user_id in room.members]
    read = [(room.room_id, room.timeline) for room in rooms]
    data = [content for key, content in fake.account_data.items() if key[0] == user_id]
    assert len(rooms) > 2
    told = str((read, data, sorted(fake.aliases)))
    assert [word for word in _secrets(on, person, "") if word in told] == []


@pytest.mark.parametrize("nobody", ["@fay", "@stranger", "@bot", "@nell:elsewhere.example", "fay@firm.example"])
@pytest.mark.parametrize("name", [command.name for command in COMMANDS if command.names_people])
async def test_F1_only_active_staff_can_be_named(on: PermissionFirm, name: str, nobody: str) -> None:
    if name in {"wall add", "wall only"} and nobody.startswith(("@fay", "fay@")):
        # Who has left must be walled before they return (test_walls.py).
        return
    typed = re.sub("@.*", nobody, ALL_TYPED[name].named or ALL_TYPED[name].bare)
    about = {place: cell for place, cell in BY_NAME[name].row.about.items() if not ALL_TYPED[name].named}
    for place in [place for place, (inside, _) in about.items() if inside is DONE] or [PlaceKind.BOT]:
        text = f"!{name} {typed.format(number=NUMBERS[PlaceKind.MATTER], channel=CHANNELS[PlaceKind.CHANNEL])}"
        person = Person.ADMIN if BY_NAME[name].row.admin else Person.PARTICIPANT
        found = await on.attempt(person, on.room(place, person), text)
        assert re.search("has left the firm|I know nobody called|That is me|is not at this firm", found.text), place
        # A use of an admin command is in the audit log, also where it was mistyped.
        assert not (found.changes or found.events), place
        assert person is Person.ADMIN or found.nothing_changed, place
