"""The audit log for firm admins, as far as each may read in it (O1, M3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta

from bridge.commands.asking.asked_about import everybody
from bridge.commands.asking.days import begin_of, read_day
from bridge.commands.asking.paging import PAGE, in_parts
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Part, Who
from bridge.firm.audit import AuditEntry, Deed, Outcome, words_and_ids
from bridge.firm.conversation import Conversation
from bridge.firm.model import Matter
from bridge.firm.room_keys import matter_space_key
from bridge.firm.sight import Sight
from bridge.operations.everybody import Everybody
from bridge.operations.place_named import find_place
from bridge.operations.sight import sight_of
from bridge.refusal import CommandError
from bridge.store.record.audit import Audited, Filter, end_of_log, newest_by
from bridge.store.rooms.matters import conversations_of_matter
from bridge.wording.audit_lines import OF_DIRECTORY, Names, audit_line, names_of
from bridge.wording.markdown import repeated

_AT_ONCE = 50
"""Entries that are read together."""
_READ = 500
"""Entries that are read for one page; what the reader must not hear of is among them."""
_LOOKED_AT = 20_000
"""Entries that are looked through for one page where no index finds those asked for."""


_OF_WALLS = frozenset({"wall add", "wall only", "wall lift", "wall report"})


@dataclass(frozen=True)
class _Asked:
    """What was asked, read anew for each page."""

    entries: Filter
    person: str
    about: str
    ids: tuple[str, ...]
    """Of the place that was named."""


async def _audit(call: Call) -> Answer:
    asked = await _read(call, sight_of(call.desk, call.sender.id), await everybody(call))
    noted = Noted("audit", person=asked.person, about=asked.about, ids=asked.ids)
    return Answer((await in_parts(call, _listed)).text, noted=noted)


async def _listed(call: Call, following: int | None) -> Part:
    """The next entries in front of a position, the newest for None."""
    sight, people = sight_of(call.desk, call.sender.id), await everybody(call)
    asked = await _read(call, sight, people)
    # Looked up before the store is asked, which nothing else can use meanwhile.
    sight.names_hidden("")
    page = await call.desk.store.read(
        lambda: _page(sight, asked.entries, end_of_log() if following is None else following)
    )
    lines = [audit_line(call.desk.settings.firm, sight, page.names, one) for one in page.entries]
    if lines:
        head = "**The log, newest first**" if following is None else ""
    elif page.following is None:
        head = "The log has nothing like that that you may read." if following is None else ""
    else:
        head = "Nothing like that so far, looking back from the newest entries."
    return Part(lines, head, page.following)


@dataclass(frozen=True)
class _Page:
    entries: list[Audited]
    names: Names
    following: int | None
    """The position in front of which the next page goes on; None at the end of the log."""


def _page(sight: Sight, asked: Filter, before: int) -> _Page:
    """A unit: the newest entries in front of a position that this person may read, as many as fit on a page.

    It ends sooner where too much had to be looked through, so that no question holds the store for long.
    """
    found: list[Audited] = []
    names = names_of(sight.firm, ())
    indexed = asked.person or asked.subjects
    end = 0 if indexed else max(0, before - _LOOKED_AT - 1)
    for _ in range(_READ // _AT_ONCE):
        some = newest_by(replace(asked, before=before, after=end), _AT_ONCE)
        names = names.with_those_of(one.entry for one in some)
        for one in some:
            before = one.position
            if _may_read(sight, names, one):
                found.append(one)
            if len(found) == PAGE:
                return _Page(found, names, before if before > 1 else None)
        if len(some) < _AT_ONCE:
            return _Page(found, names, end + 1 if end else None)
    return _Page(found, names, before)


def _may_read(sight: Sight, names: Names, one: Audited) -> bool:
    """Whether an entry names nothing that this person must not hear of (M3). What cannot be told counts as hidden."""
    entry = one.entry
    if entry.deed in OF_DIRECTORY:
        return True
    if entry.deed is Deed.COMMAND:
        return _may_read_of_use(sight, names, entry)
    known = names.may_hear(sight, entry.subject)
    if known is None:
        return not sight.hidden
    return known and not sight.names_hidden(entry.reason)


def _may_read_of_use(sight: Sight, names: Names, entry: AuditEntry) -> bool:
    """Whether a use of a command may be told: who may hear of all that it was about, whatever that was called then."""
    words, ids = words_and_ids(entry.reason)
    if not ids and entry.subject in _OF_WALLS:
        # What it was about was not found, or is not noted: then it may have been any wall.
        return not sight.hidden
    return all(names.may_hear(sight, one) for one in ids) and not sight.names_hidden(words)


async def _read(call: Call, sight: Sight, people: Everybody) -> _Asked:
    """Read the filters. Raises CommandError for what is none."""
    asked = Filter()
    person, about, place = "", [], []
    ids: tuple[str, ...] = ()
    for word in call.values.get("filters", "").split():
        name, colon, value = word.partition(":")
        folded = name.casefold()
        if colon and folded in {"since", "from"}:
            asked = replace(asked, since_ms=begin_of(call, read_day(call, value)))
        elif colon and folded in {"until", "to"}:
            asked = replace(asked, until_ms=begin_of(call, _after(read_day(call, value))))
        elif colon and folded == "deed":
            asked = replace(asked, deeds=_deeds(value))
        elif folded == "refused":
            asked = replace(asked, outcome=Outcome.REFUSED)
        elif word.startswith("@") and not person:
            person = _actor(people, word)
        else:
            place.append(word)
            continue
        about += [word] if not word.startswith("@") else []
    if place:
        # A name without an @ is taken for a person where exactly one is called so.
        typed = " ".join(place)
        if not person and (found := people.named(typed)) is not None:
            person = found.id
        else:
            found_place = await find_place(call.desk, sight, typed)
            asked, ids = replace(asked, subjects=await _subjects(call, sight, found_place)), (found_place.id,)
            about.insert(0, typed)
    return _Asked(replace(asked, person=person), person, " ".join(about), ids)


def _after(which: date) -> date:
    return which + timedelta(days=1)


def _actor(people: Everybody, word: str) -> str:
    """A staff id, or a whole user id as it is: those of strangers are in the log, too."""
    found = people.named(word.rstrip(",;"))
    if found is not None:
        return found.id
    if ":" in word:
        return word
    raise people.unknown(word)


def _deeds(typed: str) -> frozenset[Deed]:
    wanted = typed.casefold().replace("-", "_")
    found = frozenset(deed for deed in Deed if wanted and wanted in deed.value)
    if not found:
        known = ", ".join(deed.value for deed in Deed)
        raise CommandError(f"There is no deed {repeated(typed)} in the log. There are: {known}.")
    return found


async def _subjects(call: Call, sight: Sight, place: Matter | Conversation) -> frozenset[str]:
    if not isinstance(place, Matter):
        return frozenset({place.id})
    listed = await call.desk.store.read(lambda: conversations_of_matter(place.id))
    walls = (wall.id for wall in sight.firm.walls_around(place))
    return frozenset(_of_matter(place, (one.conversation.id for one in listed), walls))


def _of_matter(matter: Matter, *ids: Iterable[str]) -> list[str]:
    return [matter.id, matter.number, matter_space_key(matter.id), *(one for listed in ids for one in listed)]


AUDIT = Command(
    "audit",
    "What was done and what was refused",
    _audit,
    (
        Argument(
            "filters", ArgumentType.TEXT, required=False, shown="@person NUMBER|channel since:DATE until:DATE refused"
        ),
    ),
    help="Shows the audit log, newest entries first: of one person (who did it or whom it concerns), of a matter with"
    " all its conversations, or of a channel; from one day to another; with deed:WORD only one kind, such as deed:added"
    " or deed:archived, or deed:tried for what the server refused; with refused only what was refused. What concerns"
    " matters that you cannot see is left out."
    " Where what you ask for is rare, each page looks some way back, and `!more` goes on. Asking is in the log, too.",
    examples=(
        "!audit",
        "!audit @ruth since:2026-11-01",
        "!audit 2026-0042 refused",
        "!audit deed:command until:yesterday",
    ),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
