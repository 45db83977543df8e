"""Who looks at the panel beside the messages of a conversation, by the proof of their client (P4).

A client gives a page that it shows an OpenID token of the person who is signed in to it (MSC1960). It says who somebody
is, to whoever has it, so it is asked about at the firm's own homeserver alone, and lets nobody further than into the
conversation beside which it was given.
"""

from __future__ import annotations

import re

from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.firm.policy import may_act
from bridge.operations.overview import View, view
from bridge.operations.panel import sign_in_beside, signed_in
from bridge.store.rooms.accounts import staff_by_localpart

_TOKEN = re.compile(r"[!-~]{1,512}")


async def sign_in_by_client(desk: Desk, conversation_id: str, server_name: str, token: str, browser: str) -> str | None:
    """Begin a session beside a conversation for the person whose client gave this token of this homeserver.

    The session's token; None where the proof is none, or whose it is is not in the conversation. Raises HomeserverError
    where the homeserver does not answer.
    """
    if server_name != desk.server_name or not _TOKEN.fullmatch(token):
        return None
    user_id = await desk.homeserver.openid_user(token)
    person = None if user_id is None else await _member_of_staff(desk, user_id)
    if person is None or await _in(desk, person, conversation_id) is None:
        return None
    return await sign_in_beside(desk, person.id, conversation_id, token, browser)


async def beside(desk: Desk, session: str, conversation_id: str) -> tuple[Staff, View] | None:
    """Whose session beside this conversation it is, and the conversation as they see it; None where it is over, or
    they are in it no more."""
    person = await signed_in(desk, session, conversation_id) if session and conversation_id else None
    seen = None if person is None else await _in(desk, person, conversation_id)
    return None if person is None or seen is None else (person, seen)


async def _in(desk: Desk, person: Staff, conversation_id: str) -> View | None:
    """The conversation, where this person is in it."""
    seen = await view(desk, person.id, conversation_id)
    return seen if seen is not None and seen.entry.mine else None


async def _member_of_staff(desk: Desk, user_id: str) -> Staff | None:
    """Who works at the firm under this user id."""
    localpart, colon, server_name = user_id.removeprefix("@").partition(":")
    if not user_id.startswith("@") or not colon or server_name != desk.server_name:
        return None
    staff_id = (await desk.store.read(staff_by_localpart)).get(localpart)
    return desk.firm().staff[staff_id] if staff_id is not None and may_act(desk.firm(), staff_id) else None
