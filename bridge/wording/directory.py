"""How the directory stands and what became of a change of it: by the bot in Markdown, at a terminal as it is."""

from __future__ import annotations

from collections.abc import Callable

from bridge.clock import now_ms
from bridge.directory.fields import KINDS
from bridge.directory.following.status import DirectoryStatus
from bridge.directory.sources.port import SOURCE_NAMES, SourceStanding
from bridge.directory.sources.statement import Disagreement, Provenance
from bridge.directory.undoing import Undone
from bridge.firm.text.directions import apart
from bridge.wording.markdown import escape

_FLAWS = 5
_DISAGREEMENTS = 5
"""That are listed before the rest is only counted."""
_ONE = {kind.name: kind.one for kind in KINDS}
Shown = Callable[[str], str]
"""How a text of the directory's own stands in an answer: escaped, or as it is."""


def status_text(status: DirectoryStatus, shown: Shown = escape) -> str:
    """What the directory holds, what is wrong with it, and what waits."""
    matters = "1 matter" if status.matters == 1 else f"{status.matters} matters"
    counted = matters if status.whole else f"{matters} that you can see"
    lines = [f"The directory has {status.active_staff} active staff and {counted}."]
    for source in status.sources:
        lines.append(source_line(source, now_ms(), whole=status.whole))
        lines.extend(f"- {line}" for line in _flaws(source, shown, whole=status.whole))
    if status.sources and not status.whole:
        lines.append("How much else its sources have, `firm-bridge check` on the server says.")
    if status.disagreements:
        lines.append("Its sources do not agree; the owner's word holds:")
        lines.extend(f"- {shown(disagreement_said(one))}" for one in status.disagreements[:_DISAGREEMENTS])
        if (more := len(status.disagreements) - _DISAGREEMENTS) > 0:
            lines.append(f"- and {more} more")
    if status.left_out:
        counted = "1 person is" if status.left_out == 1 else f"{status.left_out} people are"
        lines.append(
            f"{counted} in some source, but not in the one that owns the staff, and so counted as having left."
        )
    if status.problems:
        what = "What its sources say" if status.sources else "Its files"
        lines.append(f"{what} cannot be used as they are, so nothing of them was taken over:")
        lines.extend(
            f"- {shown(one.text)}"
            if one.whole
            else f"- {shown(one.text)}: `firm-bridge check` on the server says what is wrong here."
            for one in status.problems
        )
    if status.held is not None:
        lines.append(f"The change {status.held.fingerprint} waits for confirmation:")
        lines += map(shown, status.held.summary)
        if status.held.as_undone:
            lines.append("It was confirmed before and taken back.")
        lines.append(f"A firm admin lets it through with: !directory confirm {status.held.fingerprint}")
    return "\n".join(lines)


def source_line(standing: SourceStanding, now: int, *, whole: bool = True) -> str:
    """How a source of the directory stands, `now` in milliseconds since the epoch; where its counts are not the
    `whole`, it is not said of any that there is nothing."""
    name = SOURCE_NAMES[standing.source]
    if standing.read_at is None:
        return f"{name}: not read yet. {standing.trouble}".rstrip()
    counted = ", ".join(
        f"{count} {_ONE[kind] if count == 1 else kind}" for kind, count in sorted(standing.counts.items())
    )
    if not counted and whole:
        counted = "nothing"
    read = f"{name}: {f'{counted}, ' if counted else ''}read {ago(now - standing.read_at)} ago."
    return f"{read} It cannot be read now, so what it said then stays: {standing.trouble}" if standing.trouble else read


def _flaws(standing: SourceStanding, shown: Shown, *, whole: bool) -> list[str]:
    """What of a source cannot be read; where that is not the `whole`, there is no word of how much else there is."""
    if not standing.flawed:
        return []
    lines = [
        f"{one.kind} {shown(one.id)} cannot be read and stays as it was. {shown(one.why)}"
        for one in standing.flaws[:_FLAWS]
    ]
    if not whole:
        return [
            *lines,
            "Some of it cannot be read and stays as it was; `firm-bridge check` on the server names it all.",
        ]
    more = standing.flawed - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def ago(milliseconds: int) -> str:
    """A length of time in the largest unit that fits."""
    seconds = max(0, milliseconds // 1000)
    for unit, length in (("day", 86_400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = seconds // length
            return f"1 {unit}" if count == 1 else f"{count} {unit}s"
    return "less than a minute"


def origin_said(what: str, origin: Provenance | None) -> str:
    """Which source says what of somebody or something; empty where the directory is its files alone."""
    if origin is None:
        return ""
    owner, *others = (SOURCE_NAMES[one] for one in origin.sources)
    besides = f" (also in {' and '.join(others)})" if others else ""
    fields = "; ".join(f"{name} from {SOURCE_NAMES[source]}" for name, source in sorted(origin.fields.items()))
    return f"{apart(what)} is from {owner}{besides}" + (f", with {fields}." if fields else ".")


def disagreement_said(one: Disagreement) -> str:
    """That two sources say different things, and whose word holds."""
    holds, other = SOURCE_NAMES[one.holds], SOURCE_NAMES[one.other]
    return f"{one.field} of {one.kind} {one.id}: what {holds} says holds, and {other} says something else"


def confirmed_text(fingerprint: str) -> str:
    """That the change with this fingerprint was let through."""
    return (
        f"Confirmed. The change {fingerprint} of the directory is being applied. If it was wrong,"
        " `!directory undo` takes it back within a day."
    )


def undone_text(undone: Undone, shown: Shown = escape) -> str:
    """What was taken back."""
    lines = [
        f"Taken back: the change {undone.fingerprint} of the directory. What changed since stands as it is.",
        *map(shown, undone.summary),
    ]
    if undone.people:
        counted = "1 person is" if undone.people == 1 else f"{undone.people} people are"
        lines.append(
            f"{counted} being let back into the conversations that they were taken out of. Whose account had ended"
            " signs in with a new password: `firm-bridge staff set-password NAME --generate` on the server."
        )
    lines.append(
        "What the directory's files say waits from now on, until they are put right or a firm admin confirms it again."
    )
    return "\n".join(lines)
