"""Who is signed in to the panel, and the links that let them in (P4). Times are milliseconds.

Of every token only its hash is kept, so that nobody signs in with what a backup has.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import PanelLink, PanelSession, SignOnUsed


@dataclass(frozen=True, slots=True)
class Session:
    """A browser in which somebody is signed in."""

    token_hash: str
    staff_id: str
    begun_at: int
    used_at: int
    browser: str
    widget: str
    """The id of the conversation beside whose messages it is; empty for the panel itself."""


def add_link(unit: Unit, token_hash: str, staff_id: str, until: int) -> None:
    """Note a link. It takes the place of the one that this person had before."""
    unit.run(PanelLink.delete().where(PanelLink.staff_id == staff_id))
    unit.run(PanelLink.insert(token_hash=token_hash, staff_id=staff_id, until=until))


def link_owner(unit: ReadUnit, token_hash: str, now: int) -> str | None:
    """The staff id of whoever has this link, which stays as it is; None where it is spent, over or none."""
    row = unit.find(PanelLink, PanelLink.token_hash == token_hash, PanelLink.until > now)
    return None if row is None else str(row.staff_id)


def spend_link(unit: Unit, token_hash: str, session_hash: str, browser: str, now: int, most: int) -> str | None:
    """Begin a session with a link, which is gone afterwards. Whose; None where it is spent, over or none. Of all such
    sessions of a person the `most` used last go on."""
    staff_id = link_owner(unit, token_hash, now)
    if staff_id is None:
        return None
    unit.run(PanelLink.delete().where(PanelLink.token_hash == token_hash))
    _add(unit, Session(session_hash, staff_id, now, now, browser, ""), most)
    return staff_id


def begin_session(unit: Unit, nonce_hash: str, until: int, session: Session, most: int) -> bool:
    """Begin a session with what is good for one alone: an attempt to sign in, or a client's proof. False where it began
    one before. Of all sessions of a person in that place, the panel or beside messages, the `most` used last go on."""
    if unit.find(SignOnUsed, SignOnUsed.nonce_hash == nonce_hash) is not None:
        return False
    unit.run(SignOnUsed.insert(nonce_hash=nonce_hash, until=until))
    _add(unit, session, most)
    return True


def _add(unit: Unit, session: Session, most: int) -> None:
    beside = PanelSession.widget != "" if session.widget else PanelSession.widget == ""
    others = PanelSession.select().where(PanelSession.staff_id == session.staff_id, beside)
    newest = PanelSession.used_at.desc(), PanelSession.begun_at.desc(), PanelSession.token_hash
    for row in list(unit.all(others.order_by(*newest)))[most - 1 :]:
        end_session(unit, row.token_hash)
    unit.run(PanelSession.insert(**asdict(session)))


def session_of(unit: ReadUnit, token_hash: str, begun_after: int, widget: str = "") -> Session | None:
    """A session of the panel, or of its page beside a conversation, that began after that moment."""
    row = unit.find(
        PanelSession,
        PanelSession.token_hash == token_hash,
        PanelSession.begun_at > begun_after,
        PanelSession.widget == widget,
    )
    return None if row is None else _session(row)


def note_used(unit: Unit, token_hash: str, now: int) -> None:
    """Note that a session is in use."""
    unit.run(PanelSession.update(used_at=now).where(PanelSession.token_hash == token_hash))


def sessions_of(unit: ReadUnit, staff_id: str, begun_after: int) -> list[Session]:
    """Somebody's sessions that began after that moment, the oldest first."""
    rows = (
        PanelSession.select()
        .where(PanelSession.staff_id == staff_id, PanelSession.begun_at > begun_after)
        .order_by(PanelSession.begun_at, PanelSession.token_hash)
    )
    return [_session(row) for row in unit.all(rows)]


def _session(row: PanelSession) -> Session:
    return Session(row.token_hash, row.staff_id, row.begun_at, row.used_at, row.browser, row.widget)


def end_session(unit: Unit, token_hash: str) -> None:
    """End one session."""
    unit.run(PanelSession.delete().where(PanelSession.token_hash == token_hash))


def end_sessions(unit: Unit, staff_id: str) -> int:
    """End all of somebody's sessions, and take back the link they have. How many sessions there were."""
    unit.run(PanelLink.delete().where(PanelLink.staff_id == staff_id))
    return unit.run(PanelSession.delete().where(PanelSession.staff_id == staff_id))


def forget_over(unit: Unit, begun_before: int, now: int) -> None:
    """Forget links, sessions and attempts to sign in whose time is over."""
    unit.run(SignOnUsed.delete().where(SignOnUsed.until <= now))
    unit.run(PanelLink.delete().where(PanelLink.until <= now))
    unit.run(PanelSession.delete().where(PanelSession.begun_at <= begun_before))
