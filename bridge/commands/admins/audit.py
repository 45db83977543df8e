"""The audit log for firm admins, as far as each may read in it (O1, M3)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import partial
from typing import Annotated

from bridge.commands.asking.days import begin_of, read_day
from bridge.commands.asking.paging import in_parts
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, ListPage, Noted, Who
from bridge.firm.audit import Deed
from bridge.operations.admins.audit import Asked, log_page
from bridge.operations.everybody import Everybody, everybody
from bridge.operations.place_named import place_asked
from bridge.refusal import CommandError
from bridge.wording.audit_lines import audit_line
from bridge.wording.markdown import repeated

_FILTERS = "@person NUMBER|channel since:DATE until:DATE deed:WORD refused"


@dataclass(frozen=True)
class _Read:
    """What was asked, read anew for each page."""

    asked: Asked
    about: str
    """In the words that were typed."""


async def _audit(call: Call, filters: Annotated[str, Argument(ArgumentType.TEXT, _FILTERS)] = "") -> Answer:
    read = await _read(call, filters)
    place = read.asked.place
    noted = Noted("audit", person=read.asked.person, about=read.about, ids=(place.id,) if place is not None else ())
    return replace(await in_parts(call, partial(_listed, filters)), noted=noted)


async def _listed(filters: str, call: Call) -> ListPage:
    """The next entries in front of a position, the newest for none."""
    page = await log_page(call.desk, call.sender, (await _read(call, filters)).asked, call.after)
    lines = [audit_line(call.desk.settings.firm, page.sight, page.names, one) for one in page.entries]
    if lines:
        head = "**The log, newest first**" if call.after is None else ""
    elif page.following is None:
        head = "The log has nothing like that that you may read." if call.after is None else ""
    else:
        head = "Nothing like that so far, looking back from the newest entries."
    return ListPage(lines, head, page.following)


async def _read(call: Call, filters: str) -> _Read:
    """Read the filters. Raises CommandError and Refusal for what is none."""
    people, asked = await everybody(call.desk), Asked()
    about, place = list[str](), list[str]()
    for word in filters.split():
        name, colon, value = word.partition(":")
        folded = name.casefold()
        if colon and folded in {"since", "from"}:
            asked = replace(asked, since_ms=begin_of(call, read_day(call, value)))
        elif colon and folded in {"until", "to"}:
            asked = replace(asked, until_ms=begin_of(call, _after(read_day(call, value))))
        elif colon and folded == "deed":
            asked = replace(asked, deeds=_deeds(value))
        elif folded == "refused":
            asked = replace(asked, refused=True)
        elif word.startswith("@") and not asked.person:
            asked = replace(asked, person=_actor(people, word))
        else:
            place.append(word)
            continue
        about += [word] if not word.startswith("@") else []
    if place:
        # A name without an @ is taken for a person where exactly one is called so.
        typed = " ".join(place)
        if not asked.person and (found := people.named(typed)) is not None:
            asked = replace(asked, person=found.id)
        else:
            asked = replace(asked, place=await place_asked(call.desk, call.sender, typed))
            about.insert(0, typed)
    return _Read(asked, " ".join(about))


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
        raise CommandError(f"The log has no entries of the kind {repeated(typed)}. The kinds are: {known}.")
    return found


AUDIT = Command(
    "audit",
    "What was done and what was refused",
    _audit,
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
