"""What firm admins do to staff and to a change of the directory that waits (F2, O1)."""

from __future__ import annotations

from aiohttp import web

from bridge.firm.text.directions import apart
from bridge.operations.admins.directory import confirm_directory, undo_directory
from bridge.operations.admins.staff import cut_off, take_back
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.forms import Form, cause_of, text_in
from bridge.web.panel.pages import PanelRequest, framed, not_there
from bridge.wording.directory import confirmed_text, undone_text
from bridge.wording.markdown import plain


@for_admins("staff leave")
async def leave(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Cut somebody off: end their sessions, lock their account, take them out of every conversation."""
    who, cause = asked.desk.firm().staff.get(asked.part("person")), cause_of(asked, form)
    if who is None:
        return not_there()
    cut = await cut_off(asked.desk, asked.person, who, cause)
    await noted(asked, "staff leave", person=who.id)
    done = []
    # Of what could not be done at first nothing is promised.
    if cut.ended:
        rooms = "1 conversation" if cut.conversations == 1 else f"{cut.conversations} conversations"
        done = ["Every session is ended, and the account cannot be used.", f"Taken out of {rooms}."]
    return await _told(
        asked, f"{apart(who.name)} has left the firm", [*done, "Mark this in the directory as well."], cut.not_done
    )


@for_admins("staff return")
async def come_back(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Take somebody back who was cut off. They are in none of their former conversations by that."""
    who, cause = asked.desk.firm().staff.get(asked.part("person")), cause_of(asked, form)
    if who is None:
        return not_there()
    back = await take_back(asked.desk, asked.person, who, cause)
    if not back.changed:
        return await _told(asked, f"{apart(who.name)} works here already", ["Nothing was changed."], ())
    await noted(asked, "staff return", person=who.id)
    done = [
        "The account works again: set a new password, or let them sign in as the firm does.",
        "They are in none of their former conversations until they join or are added.",
    ]
    return await _told(asked, f"{apart(who.name)} is back", done, back.not_done)


@for_admins("directory confirm")
async def confirm(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Let the change of the directory through that waits, if it is the one that the page showed."""
    cause = cause_of(asked, form)
    told = confirmed_text(await confirm_directory(asked.desk, asked.person, _change_shown(form), cause))
    await noted(asked, "directory confirm")
    return await _told(asked, "The directory", [plain(told)], ())


@for_admins("directory undo")
async def undo(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Take back the change of the directory that was confirmed last, if it is the one that the page showed."""
    cause = cause_of(asked, form)
    told = undone_text(await undo_directory(asked.desk, asked.person, _change_shown(form), cause))
    await noted(asked, "directory undo")
    return await _told(asked, "The directory", [plain(told)], ())


def _change_shown(form: Form) -> str:
    """The fingerprint of the change that the form was beside. Raises HTTPBadRequest for a form that is none of ours."""
    fingerprint = text_in(form, "fingerprint")
    if not fingerprint:
        raise web.HTTPBadRequest
    return fingerprint


async def _told(asked: PanelRequest, heading: str, done: list[str], not_done: tuple[str, ...]) -> web.Response:
    return await framed(
        asked,
        "admins/done",
        heading,
        "admin",
        address="/admin",
        heading=heading,
        done=done,
        not_done=[plain(one) for one in not_done],
    )
