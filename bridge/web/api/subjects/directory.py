"""The directory, for firm admins."""

from __future__ import annotations

from pydantic import Field

from bridge.operations.admins import directory as asked
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Given
from bridge.wording.directory import confirmed_text, status_text, undone_text
from bridge.wording.markdown import notice


class HeldMeant(Given):
    """Which change is meant."""

    fingerprint: str = Field(min_length=1, max_length=200, description="`held` of the directory, as it was looked at.")


class ConfirmedMeant(Given):
    """Which change is meant."""

    fingerprint: str = Field(
        "",
        max_length=200,
        description="Only this change: `confirmed` of the directory. Empty for whichever is the last.",
    )


async def directory(call: ApiCall) -> shown.DirectoryJson:
    """How the directory stands, and what a change that waits would lead to."""
    text = _plain(status_text(await asked.directory_status(call.desk, call.person)))
    held = await asked.foresee_directory(call.desk, call.person)
    return shown.DirectoryJson(
        text=text,
        held=None if held is None else held.fingerprint,
        confirmed=await asked.directory_to_take_back(call.desk, call.person) or None,
        effects=[] if held is None else [shown.EffectJson(text=one.text) for one in held.effects],
    )


async def confirm(call: ApiCall) -> shown.ToldJson:
    """Let the change of the directory through that waits."""
    fingerprint = await asked.confirm_directory(call.desk, call.person, call.asked(HeldMeant).fingerprint, call.cause)
    return shown.ToldJson(text=_plain(confirmed_text(fingerprint)))


async def undo(call: ApiCall) -> shown.ToldJson:
    """Take back the change of the directory that was confirmed last."""
    undone = await asked.undo_directory(call.desk, call.person, call.asked(ConfirmedMeant).fingerprint, call.cause)
    return shown.ToldJson(text=_plain(undone_text(undone)))


def _plain(markdown: str) -> str:
    text: str = notice(markdown)["body"]
    return text
