"""The directory, for firm admins."""

from __future__ import annotations

import hashlib

from pydantic import Field

from bridge.operations.admins import directory as asked
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Given, Nothing, Paged, Rate, admins_do, admins_get
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
    """How the directory stands, and whether a change of it waits."""
    status = await asked.directory_status(call.desk, call.person)
    return shown.DirectoryJson(
        text=_plain(status_text(status)),
        held=None if status.held is None else status.held.fingerprint,
        confirmed=await asked.directory_to_take_back(call.desk, call.person) or None,
    )


async def effects(call: ApiCall) -> shown.EffectsJson:
    """What a change of the directory that waits would lead to, by the name of what it is about.
    Each page says of which change it is: another one may wait by the next."""
    held = await asked.foresee_directory(call.desk, call.person)
    found = () if held is None else held.effects
    items, following = call.page(found, lambda one: (one.what.casefold(), _digest(one.matter_id, one.text)))
    return shown.EffectsJson(
        items=[shown.EffectJson(text=one.text) for one in items],
        next=following,
        held=None if held is None else held.fingerprint,
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


def _digest(*texts: str) -> str:
    """What tells one effect from others of the same name."""
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


ROUTES = (
    admins_get("directory.get", path="/directory", scope=Scope.DIRECTORY, run=directory, answer=shown.DirectoryJson),
    admins_get(
        "directory.effects",
        path="/directory/effects",
        scope=Scope.DIRECTORY,
        run=effects,
        answer=shown.EffectsJson,
        query=Paged,
        rate=Rate.SEARCH,
    ),
    admins_do(
        "directory.confirm",
        "POST",
        path="/directory/confirm",
        scope=Scope.CHANGE_DIRECTORY,
        run=confirm,
        answer=shown.ToldJson,
        body=HeldMeant,
        query=Nothing,
    ),
    admins_do(
        "directory.undo",
        "POST",
        path="/directory/undo",
        scope=Scope.CHANGE_DIRECTORY,
        run=undo,
        answer=shown.ToldJson,
        query=ConfirmedMeant,
    ),
)
