"""Who is signed in to the panel (P4).

The bot gives a link, which lets in one browser once. What is asked of a session is asked of the firm as well, each
time: whoever has left is signed out with all else (F2).
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Collection
from dataclasses import dataclass

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.firm.policy import may_act
from bridge.refusal import Kind, Refusal
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.people import panel as rows
from bridge.store.people.lists import LIST_MS, forget_lists

LINK_MINUTES = 5
SESSION_HOURS = 12
_LINK_MS = LINK_MINUTES * 60_000
_SESSION_MS = SESSION_HOURS * 3_600_000
_USED_MS = 60_000
"""So often it is noted that a session is in use."""
_BROWSER_SHOWN = 200
BROWSERS_MOST = 20
"""Browsers in which one person is signed in at once; with a further one it ends where it was used longest ago."""
_BESIDE_MOST = 10
"""Sessions beside messages that one person has at once: each window begins one, and may be closed without a word."""
_REF = 16
"""Digits of the hash of a token."""
IN_PATH = "/in/"
"""Where a link leads, with its token behind."""


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


async def new_link(desk: Desk, staff_id: str) -> str:
    """A link that signs this person in, once, within `LINK_MINUTES`. Raises Refusal where the firm has no panel."""
    address = desk.settings.panel.url.rstrip("/")
    if not address:
        raise Refusal(Kind.NO_PANEL)
    token = secrets.token_urlsafe(32)
    await desk.store.run(rows.add_link, _hash(token), staff_id, now_ms() + _LINK_MS)
    return f"{address}{IN_PATH}{token}"


async def invited(desk: Desk, token: str) -> Staff | None:
    """Whom a link would sign in. Looking spends nothing: programs that show previews look, too."""
    staff_id = await desk.store.read(rows.link_owner, _hash(token), now_ms())
    return _acting(desk, staff_id)


async def sign_in(desk: Desk, token: str, browser: str) -> str | None:
    """Spend a link and begin a session. Its token; None where the link is spent, over or none, or for a leaver."""
    session = secrets.token_urlsafe(32)
    shown, now = _shown(browser), now_ms()
    staff_id = await desk.store.run(rows.spend_link, _hash(token), _hash(session), shown, now, BROWSERS_MOST)
    return session if _acting(desk, staff_id) is not None else None


async def sign_in_beside(desk: Desk, staff_id: str, conversation_id: str, proof: str, browser: str) -> str | None:
    """Begin a session of somebody whose client has shown who they are, beside the messages of a conversation. Its
    token; None where this proof began one before."""
    session, now = secrets.token_urlsafe(32), now_ms()
    began = rows.Session(_hash(session), staff_id, now, now, _shown(browser), conversation_id)
    begun = await desk.store.run(rows.begin_session, _hash(f"proof\n{proof}"), now + _SESSION_MS, began, _BESIDE_MOST)
    return session if begun else None


async def begin_session(desk: Desk, person: Staff, nonce: str, browser: str) -> str | None:
    """Begin a session for somebody whom the firm's single sign-on has named. Its token; None where this attempt, which
    its nonce tells from others, began one before."""
    session, now = secrets.token_urlsafe(32), now_ms()
    wanted = rows.Session(_hash(session), person.id, now, now, _shown(browser), "")
    begun = await desk.store.run(rows.begin_session, _hash(nonce), now + _SESSION_MS, wanted, BROWSERS_MOST)
    return session if begun else None


def _shown(browser: str) -> str:
    return browser[:_BROWSER_SHOWN].replace("\0", "").encode("utf-8", "replace").decode()


async def signed_in(desk: Desk, session: str, widget: str = "") -> Staff | None:
    """Whose session this is; None where it is over, or they have left.

    One beside the messages is good for `widget` alone, the id of its conversation, and for nothing else of the panel.
    """
    now = now_ms()
    found = await desk.store.read(rows.session_of, _hash(session), now - _SESSION_MS, widget)
    person = _acting(desk, None if found is None else found.staff_id)
    if found is not None and person is None:
        # For good: whoever comes back to the firm signs in anew.
        await sign_out_everywhere(desk, found.staff_id)
    if found is not None and person is not None and now - found.used_at > _USED_MS:
        await desk.store.run(rows.note_used, _hash(session), now)
    return person


async def going_on(desk: Desk, sessions: Collection[tuple[str, str]]) -> set[tuple[str, str]]:
    """Those of these sessions, each with the conversation that it is beside, that are not over.

    For pages that stay open, of which many ask at the same time: it notes no use, and a leaver's session ends for good
    with their next request.
    """
    begun_after = now_ms() - _SESSION_MS

    def work(unit: ReadUnit) -> dict[tuple[str, str], str]:
        found = {one: rows.session_of(unit, _hash(one[0]), begun_after, one[1]) for one in sessions}
        return {one: session.staff_id for one, session in found.items() if session is not None}

    owners = await desk.store.read(work)
    return {one for one, staff_id in owners.items() if _acting(desk, staff_id) is not None}


async def sign_out(desk: Desk, session: str) -> None:
    """End one session."""
    await desk.store.run(rows.end_session, _hash(session))


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A browser in which somebody is signed in. Times are in milliseconds since the epoch."""

    ref: str
    """What names it to its owner. It lets nobody in."""
    begun_at: int
    used_at: int
    browser: str
    """As it calls itself; may be empty."""
    beside: bool
    """Whether it is a client that shows the panel beside a conversation's messages."""


async def sessions(desk: Desk, staff_id: str) -> list[SignedIn]:
    """This person's sessions, the oldest first."""
    found = await desk.store.read(rows.sessions_of, staff_id, now_ms() - _SESSION_MS)
    return [SignedIn(one.token_hash[:_REF], one.begun_at, one.used_at, one.browser, bool(one.widget)) for one in found]


async def end_session(desk: Desk, staff_id: str, ref: str) -> bool:
    """End one of this person's sessions; False where none of theirs is called so."""

    def work(unit: Unit) -> bool:
        mine = [one.token_hash for one in rows.sessions_of(unit, staff_id, 0) if one.token_hash[:_REF] == ref]
        for token_hash in mine:
            rows.end_session(unit, token_hash)
        return bool(mine)

    return await desk.store.run(work)


def ref_of(session: str) -> str:
    """What a session is named by."""
    return _hash(session)[:_REF]


async def sign_out_everywhere(desk: Desk, staff_id: str) -> int:
    """End all of this person's sessions. How many there were."""
    return await desk.store.run(rows.end_sessions, staff_id)


async def forget_over(desk: Desk) -> None:
    """Forget links, sessions and lists whose time is over."""
    now = now_ms()
    await desk.store.run(rows.forget_over, now - _SESSION_MS, now)
    await desk.store.run(forget_lists, now - LIST_MS)


def _acting(desk: Desk, staff_id: str | None) -> Staff | None:
    firm = desk.firm()
    return firm.staff[staff_id] if staff_id is not None and may_act(firm, staff_id) else None
