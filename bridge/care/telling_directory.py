"""Saying that the directory is not followed: its files cannot be used, or a change waits for a firm admin.

Until then nobody who left is shut out and no wall begins, so somebody has to hear of it: the firm admins, in their
room. Whoever reads there may be screened from a matter, so no matter is named, nor how many there are (M3).
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from bridge.clock import now_ms
from bridge.directory.change import DirectoryChange
from bridge.directory.file import DirectoryFile
from bridge.firm.conversation import ADMINS_ID
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from bridge.store.queues.outbox import enqueue
from bridge.store.record.kept import DIRECTORY_TOLD, keep, kept
from bridge.store.rooms.made import room_of
from bridge.wording.markdown import text_message

log = structlog.get_logger(__name__)
_WELL_AGAIN = "The directory is followed again: its files can be used, and no change of it waits."


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why the directory is not followed."""

    key: str
    """The same for the same trouble."""
    short: str
    """For whoever watches the server."""
    text: str
    """For the admins' room, in Markdown."""


def trouble_of(directory: DirectoryFile) -> Trouble | None:
    """Why the directory is not followed at the moment; None where it is."""
    if directory.problems:
        return _broken(len(directory.problems))
    return None if directory.held is None else _held(directory.held, undone=directory.held_as_undone)


async def tell_of_directory(store: Store, bot_id: str, trouble: Trouble | None) -> None:
    """Queue a message to the admins' room where they do not know yet how the directory stands. Raises StoreError.

    Where there is no room for it, it waits for one. The same trouble is told once, however often the bridge starts.
    """
    key = "" if trouble is None else trouble.key
    text = _WELL_AGAIN if trouble is None else trouble.text

    def tell(unit: Unit) -> bool:
        room_id = room_of(unit, ADMINS_ID)
        if room_id is None or kept(unit, DIRECTORY_TOLD) == key:
            return False
        enqueue(unit, f"directory/{key}/{now_ms()}", room_id, bot_id, "m.room.message", text_message(text))
        keep(unit, DIRECTORY_TOLD, key)
        return True

    if await store.read(kept, DIRECTORY_TOLD) != key and await store.run(tell):
        log.info("admins_told_of_directory", trouble="none" if trouble is None else trouble.short)


def _broken(problems: int) -> Trouble:
    count = "1 problem" if problems == 1 else f"{problems} problems"
    return Trouble(
        "broken",
        f"{count}; `firm-bridge check` lists them",
        f"**The directory cannot be used as it is** ({count}), so nothing of it is taken over: who left since is not"
        " shut out, who is new has no account, and no wall that was added to it begins. `!directory status` says where"
        " the problems are; `firm-bridge check` on the server says how to put them right.",
    )


def _held(change: DirectoryChange, *, undone: bool) -> Trouble:
    ends: list[str] = []
    if change.leavers:
        ends.append(f"{len(change.leavers)} of {len(change.old.active_staff)} active staff would leave")
    if change.lost_access:
        ends.append("access to matters would end")
    because = f"because it takes away unusually much: {' and '.join(ends)}"
    what = (
        "Until a firm admin lets it through, nothing of the directory is taken over: who left since is not shut out,"
        " and who is new has no account."
        if change.leavers
        else "Until a firm admin lets it through, who is new has no account. Whoever leaves is shut out at once, unless"
        " they are unusually many; so is whoever a new wall or restriction keeps out, where that is little by itself."
    )
    if change.opens and not ends:
        # Whom, and how many, would tell of hidden matters (M3).
        because = "because it ends unusually many walls or restrictions"
        what = "Until a firm admin lets it through, nobody is let in; what it takes away, it took away at once."
    if undone:
        because = "because it was confirmed before and taken back, and the directory's files still say it"
    return Trouble(
        f"{'undone' if undone else 'held'} {change.fingerprint()}",
        f"the change {change.fingerprint()} waits for a firm admin; `firm-bridge directory status` shows it",
        f"**A change of the directory waits for you**, {because}."
        f" {what} `!directory plan` says what it would do, and "
        f"`!directory confirm {change.fingerprint()}` lets it"
        " through. If it is a mistake, put the directory's files right, and it waits no more.",
    )
