"""What the directory holds, what is wrong with it and what waits, as far as somebody may know (M3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bridge.directory.problems import RecordProblem
from bridge.directory.sources.port import SourceStanding
from bridge.directory.sources.seen import OF_PEOPLE, Sees, names_made, standings_seen
from bridge.directory.sources.statement import Disagreement, Merged
from bridge.firm.model import Firm


@dataclass(frozen=True, slots=True)
class ShownProblem:
    """What is wrong with the files, as far as somebody may know."""

    text: str
    whole: bool
    """Whether it is all of it; else only its place."""


@dataclass(frozen=True, slots=True)
class HeldChange:
    """The change that waits, as far as somebody may know of it."""

    fingerprint: str
    summary: tuple[str, ...]
    """A line for each thing."""
    as_undone: bool
    """Whether it waits because it was taken back."""


@dataclass(frozen=True, slots=True)
class DirectoryStatus:
    """What the directory holds, what is wrong with it and what waits, as far as somebody may know."""

    active_staff: int
    matters: int
    whole: bool
    """Whether it is about everything; else about what the asker can see."""
    problems: tuple[ShownProblem, ...]
    held: HeldChange | None
    sources: tuple[SourceStanding, ...] = ()
    """How each source stands; none where the directory is its files alone."""
    disagreements: tuple[Disagreement, ...] = ()
    """On what its sources do not agree, of records that may be known of."""
    left_out: int = 0
    """How many people some source has and the one that owns the staff has not; they count as having left."""


def status_of(
    firm: Firm,
    held: HeldChange | None,
    problems: Sequence[RecordProblem],
    standings: Sequence[SourceStanding],
    merged: Merged | None,
    sees: Sees | None,
) -> DirectoryStatus:
    """All of it, or for a firm admin what they may know of."""
    differ, links, left_out = (
        (merged.disagreements, merged.links, merged.left_out) if merged is not None else ((), {}, {})
    )
    return DirectoryStatus(
        active_staff=len(firm.active_staff),
        matters=sum(sees is None or sees("matter", matter_id) for matter_id in firm.matters),
        whole=sees is None,
        problems=tuple(ShownProblem(str(one), whole=True) if sees is None else as_shown(one) for one in problems),
        held=held,
        sources=tuple(standings if sees is None else standings_seen(standings, sees, links, firm)),
        disagreements=tuple(one for one in differ if sees is None or sees(one.kind.removesuffix("s"), one.id)),
        left_out=len(left_out.get("staff", ())),
    )


def as_shown(problem: RecordProblem) -> ShownProblem:
    """The problem, or only its place where its text may name a matter that is not taken over: nobody can tell yet who
    may see that (M3)."""
    kind = problem.file.removesuffix(".csv") if problem.file.endswith(".csv") else problem.column.partition("[")[0]
    of_the_file = not problem.line and not problem.column and not problem.value
    if (kind in OF_PEOPLE or of_the_file) and not names_made(str(problem)):
        return ShownProblem(str(problem), whole=True)
    return ShownProblem(f"{problem.file}:{problem.line}" if problem.line else problem.file, whole=False)
