"""The audit log's rows: appended in the unit that changes something, and never changed (O1)."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from typing import Any, cast

from bridge.firm.audit import NO_DIGEST, AuditEntry, Deed, Outcome, chained
from bridge.firm.errors import BridgeError
from bridge.firm.webhooks import BY_DEED
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import AuditRow
from bridge.store.record.happenings import ToTell, happened

_COLUMNS = tuple(field.name for field in fields(AuditEntry))
_INSERT = (
    f"INSERT INTO audit_row ({', '.join(_COLUMNS)}, previous, digest)"  # noqa: S608 - names of our own
    f" VALUES ({', '.join('?' * (len(_COLUMNS) + 2))})"
)
_LAST = "SELECT digest FROM audit_row ORDER BY position DESC LIMIT 1"
_AT_ONCE = 1000
_CHANGES = frozenset(
    {
        Deed.PARTICIPANT_ADDED,
        Deed.PARTICIPANT_REMOVED,
        Deed.PARTICIPANT_JOINED,
        Deed.PARTICIPANT_LEFT,
        Deed.RENAMED,
        Deed.TOPIC_SET,
        Deed.ARCHIVED,
        Deed.RESTORED,
    }
)
"""What changes who is in a conversation, or how it is shown."""


@dataclass(frozen=True, slots=True)
class ConversationChanged:
    """News for those who listen to the store: a conversation has other people, another name, or is archived or not."""

    conversation_id: str


class TamperedError(BridgeError):
    """The audit log is not as it was written. The message says from which entry on."""


@dataclass(frozen=True, slots=True)
class Audited:
    """An entry with its place in the log."""

    position: int
    entry: AuditEntry
    digest: str


@dataclass(frozen=True, slots=True)
class Chain:
    """A log that was found whole."""

    entries: int
    head: str
    """The digest of the newest entry, which stands for all of them; empty for an empty log."""


def record(
    unit: Unit,
    deed: Deed,
    *,
    actor: str = "",
    subject: str = "",
    person: str = "",
    reason: str = "",
    cause: str = "",
    outcome: Outcome = Outcome.DONE,
    at_ms: int | None = None,
) -> None:
    """Append one entry, of this moment unless another is given; what the words mean is said at AuditEntry.

    What webhooks tell of is queued for them with it (A3). Announces ConversationChanged where one was.
    """
    entry = AuditEntry(
        at_ms=time.time_ns() // 1_000_000 if at_ms is None else at_ms,
        deed=deed,
        actor=_storable(actor),
        subject=_storable(subject),
        person=_storable(person),
        reason=_storable(reason),
        cause=_storable(cause),
        outcome=outcome,
    )
    last = unit.row(_LAST)
    previous = last[0] if last is not None else NO_DIGEST
    # The column `previous` is unique: of two processes that append behind the same entry, one is undone.
    unit.execute(_INSERT, *astuple(entry), previous, chained(previous, entry))
    if (happening := told_of(entry)) is not None:
        happened(unit, [happening])
    if deed in _CHANGES and outcome is Outcome.DONE:
        unit.announce(ConversationChanged(entry.subject))


def told_of(entry: AuditEntry) -> ToTell | None:
    """What webhooks tell of an entry; None where that is nothing."""
    kind = BY_DEED.get(entry.deed) if entry.outcome is Outcome.DONE else None
    if kind is None:
        return None
    return ToTell(kind, entry.subject, entry.person or entry.actor, entry.actor, at_ms=entry.at_ms)


def _storable(text: str) -> str:
    """Text without what a database cannot store; ids come from clients."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")


def audited(unit: ReadUnit, after: int = 0, limit: int = _AT_ONCE, asked: Filter | None = None) -> list[Audited]:
    """Entries behind a position, oldest first; only those asked for where that is given."""
    conditions = asked.conditions() if asked is not None else ()
    rows = AuditRow.select().where(AuditRow.position > after, *conditions).order_by(AuditRow.position).limit(limit)
    return [_audited(row) for row in unit.all(rows)]


def was_done(unit: ReadUnit, subject: str, causes: Collection[str]) -> bool:
    """Whether something was done on this subject for one of these causes."""
    done = AuditRow.cause.in_(list(causes)), AuditRow.outcome == Outcome.DONE
    return unit.exists(AuditRow.select().where(AuditRow.subject == subject, *done))


def subject_of(unit: ReadUnit, deed: Deed, cause: str) -> str | None:
    """What this cause did such a deed on before, if anything. Nothing has an empty cause."""
    if not cause:
        return None
    done = AuditRow.deed == deed.value, AuditRow.cause == cause, AuditRow.outcome == Outcome.DONE.value
    found = unit.find(AuditRow, *done)
    return None if found is None else str(found.subject)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which entries are asked for. What is left empty leaves none out."""

    person: str = ""
    """Staff or user id: acting or concerned."""
    subjects: frozenset[str] = frozenset()
    deeds: frozenset[Deed] = frozenset()
    outcome: Outcome | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    """The first moment that is too late."""
    before: int = 0
    """A position: only entries in front of it."""
    after: int = 0
    """A position: only entries behind it."""

    def conditions(self) -> Iterator[Any]:
        """The same for the database."""
        if self.person:
            yield (AuditRow.actor == self.person) | (AuditRow.person == self.person)
        if self.subjects:
            yield AuditRow.subject.in_(sorted(self.subjects))
        yield from self._others()

    def looked_up(self) -> Iterator[tuple[Any, ...]]:
        """The same as conditions of which one at least must hold, each beginning with a column that has an index."""
        others = tuple(self._others())
        if self.subjects:
            if self.person:
                others = (*others, (AuditRow.actor == self.person) | (AuditRow.person == self.person))
            for subject in sorted(self.subjects):
                yield (AuditRow.subject == subject, *others)
        elif self.person:
            yield (AuditRow.actor == self.person, *others)
            yield (AuditRow.person == self.person, *others)
        else:
            yield others

    def _others(self) -> Iterator[Any]:
        yield AuditRow.position > self.after
        if self.deeds:
            yield AuditRow.deed.in_(sorted(deed.value for deed in self.deeds))
        if self.outcome is not None:
            yield AuditRow.outcome == self.outcome.value
        if self.since_ms is not None:
            yield AuditRow.at_ms >= self.since_ms
        if self.until_ms is not None:
            yield AuditRow.at_ms < self.until_ms
        if self.before:
            yield AuditRow.position < self.before


def newest_by(unit: ReadUnit, asked: Filter, limit: int) -> list[Audited]:
    """The newest of these entries first."""
    # Each part is read from the end of an index; all of them in one condition would be found whole and then sorted.
    positions: set[int] = set()
    for conditions in asked.looked_up():
        part = AuditRow.select(AuditRow.position).where(*conditions).order_by(AuditRow.position.desc()).limit(limit)
        positions.update(position for (position,) in unit.tuples(part))
    if not (newest := sorted(positions, reverse=True)[:limit]):
        return []
    rows = AuditRow.select().where(AuditRow.position.in_(newest)).order_by(AuditRow.position.desc())
    return [_audited(row) for row in unit.all(rows)]


def end_of_log(unit: ReadUnit) -> int:
    """The position behind the newest entry."""
    (last,) = unit.row("SELECT MAX(position) FROM audit_row")
    return int(last or 0) + 1


def newest(
    unit: ReadUnit,
    limit: int,
    *,
    person: str = "",
    subject: str = "",
    outcome: Outcome | None = None,
    deed: Deed | None = None,
) -> list[Audited]:
    """The newest entries first, of a person (acting or concerned), about a subject, with an outcome or of a kind."""
    subjects, deeds = frozenset({subject} - {""}), frozenset({deed} if deed is not None else ())
    return newest_by(unit, Filter(person, subjects, deeds, outcome), limit)


@dataclass(frozen=True, slots=True)
class Verified:
    """How far a log was looked through, and is whole."""

    position: int = 0
    chain: Chain = Chain(0, NO_DIGEST)
    met: bool = False
    """Whether the digest noted earlier is in it."""


def verify(unit: ReadUnit, known_head: str = "") -> Chain:
    """Look through the whole log in one unit. Raises TamperedError where the chain is broken.

    Entries cut off at the end leave a whole chain behind; `known_head`, a digest noted earlier, must be in it.
    """
    so_far = Verified()
    while (further := verify_page(unit, so_far, known_head)) != so_far:
        so_far = further
    return verified(so_far, known_head)


def verify_page(unit: ReadUnit, so_far: Verified, known_head: str) -> Verified:
    """Look through some more entries; the same where there are no more. Raises TamperedError.

    Nothing is ever changed behind what was looked through, so each page can be a unit of its own.
    """
    position, count, previous, met = so_far.position, so_far.chain.entries, so_far.chain.head, so_far.met
    rows = AuditRow.select().where(AuditRow.position > position).order_by(AuditRow.position).limit(_AT_ONCE)
    for row in unit.all(rows):
        found = _audited(row)
        if row.previous != previous or chained(previous, found.entry) != found.digest:
            raise TamperedError(
                f"The audit log was changed at entry {found.position}"
                f" or before it. Compare with a backup or an export from before."
            )
        position, count, previous, met = found.position, count + 1, found.digest, met or found.digest == known_head
    return Verified(position, Chain(count, previous), met)


def verified(so_far: Verified, known_head: str) -> Chain:
    """The whole log, once all of it was looked through. Raises TamperedError where the digest noted is not in it."""
    if known_head and not so_far.met:
        raise TamperedError(
            f"No entry of the audit log has the digest {known_head}. Entries were cut off or the log was written anew"
            " since it was noted. Compare with a backup or an export from before."
        )
    return so_far.chain


def last_position(unit: ReadUnit) -> int:
    """The number of the newest entry; 0 for an empty log."""
    last = unit.row("SELECT MAX(position) FROM audit_row")
    return int(last[0] or 0)


def head(unit: ReadUnit) -> str:
    """The digest of the newest entry; empty for an empty log."""
    last = unit.row(_LAST)
    return str(last[0]) if last is not None else NO_DIGEST


def _audited(row: Any) -> Audited:
    values = {name: getattr(row, name) for name in _COLUMNS}
    # A value that no version wrote is kept as it is: the digest tells that it was changed.
    entry = AuditEntry(**{**values, "deed": _known(Deed, row.deed), "outcome": _known(Outcome, row.outcome)})
    return Audited(row.position, entry, row.digest)


def _known(kind: type[Deed] | type[Outcome], value: str) -> Any:
    return kind(value) if value in cast("Iterable[str]", kind.__members__.values()) else value
