"""Taking what the guard refused over into the audit log, each refusal once (O1).

The guard keeps a refusal until the bridge says that it has it. The bridge notes how far it has come in the unit that
writes the entries. So both may be killed at any time: what was not committed is asked for again, and what was committed
is not written again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
import structlog

from bridge import json_in
from bridge.care.telling_refused import Refused
from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.audit import Deed, Outcome
from bridge.guard.protocol import REFUSALS_PATH, is_signed, sign_page, sign_taken
from bridge.guard.refusals import OTHERS, Told, told_from_json
from bridge.guard.spool import DAMAGED
from bridge.matrix.errors import BadRequestError, HomeserverError
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.engine.unit import Unit
from bridge.store.record.audit import record
from bridge.store.record.refusals import Taken, count_refused, mark_taken, number_taken, taken, taken_of_workers
from bridge.store.rooms.accounts import staff_by_localpart
from bridge.store.rooms.made import key_of_room
from bridge.wording.moments import clock_in, local, moment_in
from bridge.wording.state import WHAT

log = structlog.get_logger(__name__)
_OTHER_LIST = "O1, the guard has another list than before; what the old one held and this log has not is lost"
_GAP = "O1, the guard's list does not go on where this log left off"

Tell = Callable[[Unit, Sequence[Refused]], object]


class NoPageError(HomeserverError):
    """What came instead of the guard's refusals."""

    def __init__(self, message: str) -> None:
        super().__init__(f"POST {REFUSALS_PATH}", 200, "", message)


@dataclass(frozen=True, slots=True)
class ToldRefusal:
    """One that the guard hands over."""

    number: int
    previous: int
    """The number before it in the guard's list."""
    told: Told


@dataclass(frozen=True, slots=True)
class Page:
    """What the guard hands over at a time, oldest first."""

    spool: str
    last: int
    """The newest number of the guard's list, also where that is not on the page."""
    oldest_ms: int
    """When the oldest was refused that waits; 0 for none."""
    refusals: tuple[ToldRefusal, ...]
    process: str = ""
    """The worker of Synapse whose list it is; empty for the main process's."""

    def has_news(self, has: Taken) -> bool:
        """Whether there is anything to write, for a bridge that has this much."""
        if self.refusals or self.spool == has.spool:
            return bool(self.refusals) or self.last > has.number
        return self.last > 0


async def take_refusals(desk: Desk, metrics: Metrics, tell: Tell | None = None) -> int:
    """Take over everything that waits in any process of Synapse, and return how many entries that made. `tell` is given
    what is new, in the unit that writes it.

    Raises HomeserverError where the guard does not answer, and StoreError.
    """
    entries = 0
    while True:
        has = await desk.store.read(taken)
        page, others = await _pages(desk)
        oldest_ms = min((one.oldest_ms for one in (page, *others) if one.oldest_ms), default=0)
        metrics.refusals_oldest.set(max(0, now_ms() - oldest_ms) / 1000 if oldest_ms else 0)
        for other in others:
            entries += await _take_page(other, await desk.store.read(taken, other.process), desk, metrics, tell)
        if not page.has_news(has):
            return entries
        entries += await _take_page(page, has, desk, metrics, tell)
        if await desk.store.read(taken) == has:
            # It hands over again what it was told is here.
            raise NoPageError("The guard's list does not move on.")


async def _pages(desk: Desk) -> tuple[Page, list[Page]]:
    """What the main process's guard hands over, and what it has of the others."""
    key = desk.settings.guard.key.get_secret_value()
    has, workers = await desk.store.read(taken), await desk.store.read(taken_of_workers)
    asked: dict[str, Any] = {"spool": has.spool, "after": has.number}
    # A guard that does not know of workers takes no more than this.
    body = orjson.dumps({**asked, "others": workers} if workers else asked)
    try:
        answer = await desk.homeserver.guard_refusals(body, sign_taken(key, body))
    except BadRequestError as error:
        if error.errcode != "M_UNRECOGNIZED":
            raise
        raise NoPageError("The guard is older than the bridge: install it into Synapse's environment anew.") from error
    page = read_page(answer, key)
    others = answer.get("others")
    return page, [read_page(one, key) for one in others] if isinstance(others, list) else []


async def _take_page(page: Page, has: Taken, desk: Desk, metrics: Metrics, tell: Tell | None) -> int:
    """Take one page over, and return how many entries that made."""
    if not page.has_news(has):
        return 0
    new = await desk.store.run(_take, page, has, desk, tell)
    for told in new:
        metrics.refusals_taken.labels(told.attempt.rule).inc(told.count)
    log.info("refusals_taken", entries=len(new), process=page.process)
    return len(new)


def read_page(answer: Any, key: str) -> Page:
    """The page in a guard's answer. Raises NoPageError where it is not signed with the key, or has another form."""
    written, signature = (answer.get(name) if isinstance(answer, dict) else None for name in ("page", "signature"))
    if not isinstance(written, str) or not isinstance(signature, str):
        raise NoPageError("The guard and the bridge must be of the same version.")
    if not is_signed(sign_page(key, written), signature):
        raise NoPageError("The guard's refusals are not signed with guard.key.")
    try:
        data = json_in.loads(written.encode())
        refusals = tuple(ToldRefusal(one["number"], one["previous"], told_from_json(one)) for one in data["refusals"])
        page = Page(data["spool"], data["last"], data["oldest_ms"], refusals, data.get("process", ""))
    except (ValueError, KeyError, TypeError) as error:
        raise NoPageError(f"The guard and the bridge must be of the same version: {error!r}.") from error
    numbers = [page.last, page.oldest_ms, *(number for one in refusals for number in (one.number, one.previous))]
    if not all(isinstance(text, str) for text in (page.spool, page.process)) or any(
        type(number) is not int for number in numbers
    ):
        raise NoPageError("The guard and the bridge must be of the same version.")
    return page


def _take(unit: Unit, page: Page, asked: Taken, desk: Desk, tell: Tell | None) -> list[Told]:
    """Write the entries that are not there yet, tell those concerned, and note how far this goes."""
    if taken(unit, page.process) != asked:
        # Another process of the bridge took it meanwhile.
        return []
    names = _Names(staff_by_localpart(unit), desk.settings)
    number, new = number_taken(unit, page.spool), list[Refused]()
    if asked.spool not in {"", page.spool}:
        record(unit, Deed.REFUSALS_MISSING, reason=_OTHER_LIST, cause=f"guard/{page.spool}")
    for one in page.refusals:
        if one.number <= number:
            continue
        if one.previous != number:
            record(unit, Deed.REFUSALS_MISSING, reason=_GAP, cause=f"guard/{page.spool}/{one.number}")
        new.append(_record(unit, one, page.spool, names))
        number = one.number
    if not page.refusals and page.last > number:
        record(unit, Deed.REFUSALS_MISSING, reason=_GAP, cause=f"guard/{page.spool}/{page.last}")
        number = page.last
    if tell is not None:
        tell(unit, new)
    mark_taken(unit, page.spool, number, page.process)
    return [one.told for one in new]


@dataclass(frozen=True)
class _Names:
    """What Matrix ids are to the firm."""

    accounts: dict[str, str]
    settings: Settings

    def person(self, user_id: str) -> str:
        """A staff id, or the user id of nobody in the firm; empty for the bot."""
        localpart, _, server = user_id.removeprefix("@").partition(":")
        if user_id == self.settings.bot_id:
            return ""
        ours = server == self.settings.homeserver.server_name
        return self.accounts.get(localpart, user_id) if ours else user_id


def _record(unit: Unit, one: ToldRefusal, spool: str, names: _Names) -> Refused:
    told, tried = one.told, one.told.attempt
    missing = tried.deed is Deed.REFUSALS_MISSING
    actor, person, cause = names.person(tried.who), names.person(tried.person), f"guard/{spool}/{one.number}"
    subject = (key_of_room(unit, tried.on) or tried.on) if tried.on.startswith("!") else tried.on
    record(
        unit,
        tried.deed,
        actor=actor,
        subject=subject,
        person=person,
        reason=_missing(told) if missing else _reason(told, names.settings),
        cause=cause,
        outcome=Outcome.DONE if missing else Outcome.REFUSED,
        at_ms=told.last_ms,
    )
    if not missing and tried.who != names.settings.bot_id:
        limit = names.settings.guard.tell_refusals
        count_refused(unit, actor or tried.deed.value, told.first_ms, told.last_ms, told.count, limit)
    return Refused(cause, actor, subject, person, told)


def _missing(told: Told) -> str:
    """What the guard itself says of refusals that it has no more."""
    if told.attempt.what == DAMAGED:
        return f"O1, the guard's list was damaged, by {'1 line' if told.count == 1 else f'{told.count} lines'}"
    return f"O1, the guard had no room for {told.count} more"


def _reason(told: Told, settings: Settings) -> str:
    """The rule, then what else there is to say."""
    parts, what = [told.attempt.rule], told.attempt.what
    if what == OTHERS:
        parts.append("with others that are not listed one by one")
    elif what:
        parts.append(f"about {WHAT.get(what, what)}")
    if told.again:
        firm, both = settings.firm, (told.first_ms, told.last_ms)
        same_day = len({local(firm, at).date() for at in both}) == 1
        begin, end = (clock_in(firm, at) if same_day else moment_in(firm, at) for at in both)
        often = f"{told.count} more times" if told.count > 1 else "once more"
        parts.append(f"{often} at {end}" if begin == end else f"{often} between {begin} and {end}")
    return ", ".join(parts)
