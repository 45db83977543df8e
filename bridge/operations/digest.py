"""Whether somebody wants the morning digest."""

from __future__ import annotations

from bridge.desk import Desk
from bridge.firm.model import Staff
from bridge.store.people.digests import want_digest, wants_digest


async def digest_wanted(desk: Desk, asker: Staff) -> bool:
    """Whether this person wants it, which everybody does who has not said otherwise."""
    return await desk.store.read(wants_digest, asker.id)


async def choose_digest(desk: Desk, asker: Staff, *, wanted: bool) -> None:
    """Note whether this person wants it; kept also where the firm has none."""
    await desk.store.run(want_digest, asker.id, wanted=wanted)
