"""What people do to a conversation in the panel: the same operations as by command, each form once (P2)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial

from aiohttp import web

from bridge.desk import Desk
from bridge.filing.handing_out import transcript_for
from bridge.firm.conversation import MatterConversation
from bridge.firm.model import Staff
from bridge.firm.text.directions import apart
from bridge.operations import by_kind
from bridge.operations import overview as seen
from bridge.operations.conversations.participants import Done, add_people, remove_people
from bridge.operations.conversations.pins import board_of, unpin
from bridge.operations.panel import signed_in
from bridge.refusal import Refusal
from bridge.web.handing import handed_out
from bridge.web.panel import conversation
from bridge.web.panel.about import about
from bridge.web.panel.downloads import DOWNLOADS, too_many
from bridge.web.panel.files import files
from bridge.web.panel.forms import Form, cause_of, people_in, said, text_in, there
from bridge.web.panel.pages import PanelRequest, not_there
from bridge.web.panel.safety import FILE_HEADERS
from bridge.wording.markdown import enumerated

Change = Callable[[Desk, Staff, seen.View, str], Awaitable[None]]


async def _view(asked: PanelRequest) -> seen.View | None:
    return await seen.view(asked.desk, asked.person.id, asked.part("conversation"))


async def change_participants(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Add who was ticked, take out who was unticked. Who else came or went meanwhile stays as they are."""
    view = await _view(asked)
    if view is None or not view.entry.mine:
        return not_there()
    ticked, were = people_in(asked, form), people_in(asked, form, "was")
    added = [person for key, person in ticked.items() if key not in were]
    removed = [person for key, person in were.items() if key not in ticked and key in asked.desk.firm().active_staff]
    cause, done = cause_of(asked, form), dict[str, Done]()
    try:
        if added:
            done |= (await add_people(asked.desk, asked.person, view.entry.id, added, f"{cause}/add")).done
        if removed:
            done |= (await remove_people(asked.desk, asked.person, view.entry.id, removed, f"{cause}/out")).done
    except Refusal as error:
        return await conversation.participants(replace(asked, told=said(error), refused=True))
    if asked.person.id in {person.id for person in removed}:
        return there(f"/conversation/{view.entry.id}")
    told = _done_in_words(done, {**were, **ticked}) or "Nothing was changed."
    return await conversation.participants(replace(asked, told=told))


def _done_in_words(done: Mapping[str, Done], people: Mapping[str, Staff]) -> str:
    by_what: dict[Done, list[str]] = {}
    for staff_id, what in done.items():
        by_what.setdefault(what, []).append(apart(people[staff_id].name))
    return " ".join(f"{what.capitalize()}: {enumerated(sorted(names))}." for what, names in by_what.items())


async def join(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Join a channel, or a conversation of a matter that the person has access to."""
    view = await _view(asked)
    if view is None or view.entry.mine:
        return not_there() if view is None else there(f"/conversation/{view.entry.id}")
    cause = cause_of(asked, form)
    try:
        await by_kind.join(asked.desk, asked.person, view, cause)
    except Refusal as error:
        return await files(replace(asked, told=said(error), refused=True))
    return there(f"/conversation/{view.entry.id}")


async def leave(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Leave a channel or a conversation of a matter."""
    return await _changed(asked, form, by_kind.leave, mine=True, then="")


async def rename(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Give a channel another name, or a conversation of a matter another title."""
    return await _changed(asked, form, partial(by_kind.rename, title=text_in(form, "title")))


async def change_topic(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Give a channel another topic, or with an empty one none."""
    return await _changed(asked, form, partial(by_kind.change_topic, topic=text_in(form, "topic")))


async def archive(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Make a channel or a conversation of a matter read-only."""
    return await _changed(asked, form, by_kind.archive)


async def restore(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Open an archived channel or conversation of a matter again."""
    return await _changed(asked, form, by_kind.restore)


async def _changed(
    asked: PanelRequest, form: Form, change: Change, *, mine: bool = False, then: str = "/about"
) -> web.StreamResponse:
    """Do it, and show what the conversation is now; `mine` where it is only for those who are in it."""
    view, cause = await _view(asked), cause_of(asked, form)
    if view is None or await by_kind.shared(asked.desk, view) is None or (mine and not view.entry.mine):
        return not_there()
    try:
        await change(asked.desk, asked.person, view, cause)
    except Refusal as error:
        typed = {"title": text_in(form, "title"), "topic": text_in(form, "topic")}
        return await about(replace(asked, told=said(error), refused=True, typed=typed))
    return there(f"/conversation/{view.entry.id}{then}")


async def unpin_message(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Take a message off the pinned ones."""
    view, event_id = await _view(asked), text_in(form, "event")
    if view is None or not view.entry.mine:
        return not_there()
    cause_of(asked, form)
    try:
        board = await board_of(asked.desk, view.conversation, await seen.account_of(asked.desk, asked.person.id))
        await unpin(asked.desk, asked.person, board, event_id)
    except Refusal as error:
        return await conversation.pinned(replace(asked, told=said(error), refused=True))
    return there(f"/conversation/{view.entry.id}/pinned")


async def transcript(asked: PanelRequest, form: Form) -> web.StreamResponse:
    """Hand over the transcript of a matter's conversation, as a page or a PDF."""
    view, cause, wanted = await _view(asked), cause_of(asked, form), text_in(form, "as")
    found = None if view is None else await by_kind.shared(asked.desk, view)
    if view is None or view.matter is None or not isinstance(found, MatterConversation):
        return not_there()
    with asked.request.app[DOWNLOADS].one_of(asked.person.id) as there_is_room:
        if not there_is_room:
            return too_many()
        try:
            name, written = await transcript_for(asked.desk, asked.person, view.matter, found, cause)
        except Refusal as error:
            return await about(replace(asked, told=said(error), refused=True))
        data, ending = (written.html, "html") if wanted == "page" else (written.pdf, "pdf")
        given = await handed_out(asked.request, f"{name}.{ending}", data, FILE_HEADERS, lambda: _may_still_read(asked))
    return given or not_there()


async def _may_still_read(asked: PanelRequest) -> bool:
    """Whether the session has not ended and the person may see the conversation (F2, M3)."""
    return await signed_in(asked.desk, asked.session) is not None and await _view(asked) is not None
