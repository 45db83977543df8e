"""Answers say which conversation and which matter they are about."""

from __future__ import annotations

from tests.cast import ANN, BEN, ESTATE_TALK
from tests.component.firm_on_fake import FirmOnFake, direct


async def test_answers_name_the_conversation_and_its_matter(on: FirmOnFake) -> None:
    """V2, V3: the answer may come to the chat, far from where it was asked."""
    there = (await on.room(ESTATE_TALK)).room_id
    sent = on.fake.message(there, on.user(ANN), "lease.pdf", msgtype="m.file", url="mxc://localhost/lease")
    await on.hear()
    assert (await on.ask(ANN, "!files", there)).startswith("Files of General · 2026-0042, newest first")
    assert (await on.ask(ANN, "!participants", there)).startswith("General · 2026-0042, 2 participants")
    assert (await on.ask(ANN, f"!pin https://matrix.to/#/{there}/{sent['event_id']}", there)).startswith(
        "Pinned in General · 2026-0042."
    )
    assert (await on.ask(ANN, "!pinned", there)).startswith("1 pinned message in General · 2026-0042")
    assert await on.ask(ANN, "!unpin 1", there) == "Unpinned in General · 2026-0042."


async def test_answers_about_a_direct_conversation_say_with_whom(on: FirmOnFake) -> None:
    """D3: it has no title of its own."""
    await on.say(ANN, "!dm @ben")
    there = (await on.room(direct("a", "b"))).room_id
    on.fake.message(there, on.user(ANN), "lease.pdf", msgtype="m.file", url="mxc://localhost/lease")
    await on.hear()
    answer = await on.ask(BEN, "!files", there)
    assert answer.startswith("Files of your conversation with Ann Archer, newest first")
