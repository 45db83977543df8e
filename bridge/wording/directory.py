"""How the directory stands and what became of a change of it: by the bot in Markdown, at a terminal as it is."""

from __future__ import annotations

from collections.abc import Callable

from bridge.directory.file import DirectoryStatus
from bridge.directory.undoing import Undone
from bridge.wording.markdown import escape

Shown = Callable[[str], str]
"""How a text of the directory's own stands in an answer: escaped, or as it is."""


def status_text(status: DirectoryStatus, shown: Shown = escape) -> str:
    """What the directory holds, what is wrong with it, and what waits."""
    matters = "1 matter" if status.matters == 1 else f"{status.matters} matters"
    counted = matters if status.whole else f"{matters} that you can see"
    lines = [f"The directory has {status.active_staff} active staff and {counted}."]
    if status.problems:
        lines.append("Its files cannot be used as they are, so nothing of them was taken over:")
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
        lines.append("A firm admin lets it through with: !directory confirm")
    return "\n".join(lines)


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
