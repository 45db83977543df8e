"""What is tried through the firm's own systems, or in their name (S1, S2, S3): played in order, on one firm."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from bridge.firm.rules import CitedRule
from bridge.operations.tokens import Scope
from tests.component.scim.harness import patch, user
from tests.fakes.smokeball import link
from tests.synapse.asked.test_channels import asking
from tests.synapse.attacks.fed import FedFirm
from tests.synapse.attacks.stage import token_of
from tests.synapse.running.test_crash import bot_chat

OUT = ("ben", "gil", "dan")
"""Who must not see the matter: two by Smokeball's deny-list, one by a wall in the file."""
FORGOTTEN = ("eve", "ida", "kim", "lou", "max")
ELSEWHERE = "00000000-0000-0000-0000-00000000ffff"
GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


@dataclass(frozen=True, slots=True)
class OfSource:
    """One attempt. What it does fails where it is not stopped."""

    name: str
    rule: CitedRule
    stopped: str
    """What stops it, for the page."""
    play: Callable[[FedFirm], Awaitable[None]]


async def _forged(fed: FedFirm) -> None:
    fed.fake.asked.clear()
    assert await fed.webhook("matter.updated", ELSEWHERE, key="guessed") == 401
    assert await fed.webhook("matter.updated", ELSEWHERE, key=fed.firm.settings.smokeball.client_id) == 401
    # A poll goes by, and what they named was not asked for.
    await fed.asked("GET /staff", 2)
    assert not [one for one in fed.fake.asked if ELSEWHERE in one]


async def _late(fed: FedFirm) -> None:
    for apart in (-3600, -301, 301, 86_400):
        assert await fed.webhook("matter.updated", ELSEWHERE, at=time.time() + apart) == 401
    assert not [one for one in fed.fake.asked if ELSEWHERE in one]


async def _replayed(fed: FedFirm) -> None:
    fed.fake.asked.clear()
    at = time.time()
    for _ in range(50):
        # With what it claims in its body, which nobody signed.
        said = await fed.webhook(
            "matter.updated", fed.matter, at=at, rules=[], deny=[], status="Open", isArchived=False
        )
        assert said == 200
    await fed.asked(f"GET /policies/{fed.matter}")
    await fed.asked("GET /staff", 2)
    assert fed.fake.asked.count(f"GET /policies/{fed.matter}") < 25
    await fed.keeps_out(*OUT)


async def _less_scope(fed: FedFirm) -> None:
    scopes = tuple(one for one in Scope if one is not Scope.SCIM)
    for token in (
        await token_of(fed.firm, "ann", scopes),
        await token_of(fed.firm, fed.ids["ben"], (Scope.SCIM,)),
    ):
        for method, path in (("GET", "/Users"), ("POST", "/Users"), ("DELETE", f"/Users/{fed.pushed['sid']}")):
            status, said = await fed.scim(method, path, user("Zoe"), token)
            assert status == 403, said
    assert fed.rows("SELECT count(*) FROM scim_resource") == [(1,)]


async def _makes_admin(fed: FedFirm) -> None:
    titled = {"title": "Owner", "userType": "Owner", "roles": [{"value": "Owner"}]}
    assert (await fed.scim("PUT", f"/Users/{fed.pushed['sid']}", user("Sid", **titled)))[0] == 200
    group = {"schemas": [GROUP], "displayName": "Owner", "members": [{"value": fed.pushed["sid"]}]}
    assert (await fed.scim("POST", "/Groups", group))[0] == 201
    fed.fake.world.staff[fed.ids["ben"]]["role"] = "Owner"
    fed.fake.settle()
    assert await fed.webhook("staff.updated", fed.ids["ben"]) == 200
    await fed.until(
        lambda: fed.rows("SELECT 1 FROM source_row WHERE data LIKE '%\"role\": \"Owner\"%' AND kind = 'staff'")
    )
    await fed.until(lambda: fed.rows("SELECT 1 FROM directory_record WHERE kind = 'group'"))
    for name in ("ben", "sid"):
        assert not fed.rows(
            "SELECT 1 FROM directory_record WHERE kind = 'staff' AND data LIKE '%Owner%'"
            f" AND data LIKE '%{name}@firm.example%'"
        )
        ask = asking(fed.firm, fed.people[name], await bot_chat(fed.people[name], fed.firm))
        assert "firm admin" in await ask("!staff leave @kim")


async def _renamed(fed: FedFirm) -> None:
    """First as a newcomer with Ben's address, then Sid: neither takes Ben's place, nor he theirs."""
    accounts = fed.rows("SELECT staff_id, localpart FROM account ORDER BY staff_id")
    status, made = await fed.scim("POST", "/Users", user("Ben", externalId="sid", title="Owner"))
    assert status == 201
    fed.pushed["ben"] = made["id"]
    for renamed in ({"userName": "ann@firm.example", "externalId": fed.ids["cat"]}, {"userName": "ben@firm.example"}):
        await fed.scim("PATCH", f"/Users/{fed.pushed['ben']}", patch({"op": "Replace", "value": renamed}))
    taken = {"userName": "b2", "emails": [{"value": "BEN@firm.example", "primary": True}]}
    status, _ = await fed.scim("PATCH", f"/Users/{fed.pushed['sid']}", patch({"op": "Replace", "value": taken}))
    assert status == 409
    await fed.keeps_out(*OUT)
    assert fed.rows("SELECT staff_id, localpart FROM account ORDER BY staff_id") == accounts


async def _swapped(fed: FedFirm) -> None:
    """The external ids of Ben, who is shut out, and of Cat, who is on the team, change places."""
    status, made = await fed.scim("POST", "/Users", user("Cat"))
    assert status == 201
    fed.pushed["cat"] = made["id"]
    version = fed.rows("SELECT version FROM source_state WHERE source = 'scim'")
    for name, other in (("ben", "cat"), ("cat", "ben")):
        swapped = {"externalId": f"object-{other}", "userName": f"{name}-{other}"}
        status, _ = await fed.scim("PATCH", f"/Users/{fed.pushed[name]}", patch({"op": "Replace", "value": swapped}))
        assert status == 200
    await fed.until(lambda: fed.rows("SELECT version FROM source_state WHERE source = 'scim'") != version)
    await fed.keeps_out(*OUT)
    assert fed.people["cat"].user_id in await fed.firm.bot.members(fed.room)


async def _unknown_value(fed: FedFirm) -> None:
    """In one change a status that nobody knows, and Ben on the team; then it is put right, without Ben."""
    fed.fake.matter(1, status="Suspended", supervisor=link(fed.ids["ben"]))
    fed.fake.settle()
    assert await fed.webhook("matter.updated", fed.matter) == 200
    await fed.until(lambda: fed.rows("SELECT 1 FROM source_flaw WHERE kind = 'matters'"))
    await fed.keeps_out(*OUT)
    fed.fake.matter(1, status="Open", supervisor=None)
    fed.fake.settle()
    assert await fed.webhook("matter.updated", fed.matter) == 200
    await fed.until(lambda: not fed.rows("SELECT 1 FROM source_flaw"))
    await fed.keeps_out(*OUT)


async def _mass_removal(fed: FedFirm) -> None:
    before = await fed.firm.bot.members(fed.room)
    for name in FORGOTTEN:
        fed.fake.shown.staff.pop(fed.ids[name])
    assert await fed.webhook("staff.updated", fed.ids["kim"]) == 200
    await fed.until(fed.held)
    assert await fed.firm.bot.members(fed.room) == before
    assert (await fed.people["kim"].request("GET", "joined_rooms")).status == 200
    fed.fake.settle()
    assert await fed.webhook("staff.updated", fed.ids["kim"]) == 200
    await fed.until(lambda: not fed.held())


async def _drops_walls(fed: FedFirm) -> None:
    """Smokeball and the file drop all of theirs at once, and Hal leaves in the same moment."""
    since = await fed.since()
    fed.write()
    fed.fake.world.policies[fed.matter] = []
    fed.fake.world.staff[fed.ids["hal"]]["former"] = True
    fed.fake.settle()
    assert await fed.webhook("matter.updated", fed.matter) == 200
    assert await fed.webhook("staff.updated", fed.ids["hal"]) == 200
    await fed.leaves("hal", since)
    # Smokeball's part of it, too: what is confirmed is exactly what waits.
    waits = "SELECT 1 FROM held_change WHERE confirmed_by = '' AND summary LIKE '%Matter: 1 changed%Wall: 1 removed%'"
    await fed.until(lambda: fed.rows(waits))
    await fed.keeps_out(*OUT)
    # Only when a firm admin has seen it.
    ask = asking(fed.firm, fed.people["ann"], await bot_chat(fed.people["ann"], fed.firm))
    which = await ask("!directory confirm")
    await ask(which[which.rindex("!directory confirm") :].rstrip(".`"))
    await fed.until(lambda: not fed.held())
    assert not fed.rows("SELECT 1 FROM directory_record WHERE kind = 'wall'")


async def _down(fed: FedFirm) -> None:
    """While Smokeball does not answer, what it said stays, and whom SCIM takes away is out."""
    # Cat is denied, and no longer on the team: what Smokeball restricts is restricted here.
    since = await fed.since()
    fed.fake.world.policies[fed.matter] = [fed.fake.user_of(fed.ids["cat"])]
    fed.fake.matter(1, personAssistingStaffs=[link(fed.ids["jan"])])
    fed.fake.settle()
    assert await fed.webhook("matter.updated", fed.matter) == 200
    await fed.leaves("cat", since)
    fed.fake.down = True
    fed.fake.world.policies[fed.matter] = []
    await fed.until(lambda: fed.rows("SELECT 1 FROM source_state WHERE source = 'smokeball' AND trouble != ''"))
    since = await fed.since()
    inactive = patch({"op": "Replace", "path": "active", "value": "False"})
    status, made = await fed.scim("POST", "/Users", user("Jan"))
    assert status == 201
    assert (await fed.scim("PATCH", f"/Users/{made['id']}", inactive))[0] == 200
    await fed.leaves("jan", since)
    assert (await fed.people["jan"].request("GET", "joined_rooms")).status == 401
    await fed.keeps_out("cat")


ATTACKS = (
    OfSource("forges a webhook of Smokeball's", "S2", "its signature", _forged),
    OfSource("sends a webhook of another hour, or of one to come", "S2", "its time", _late),
    OfSource("sends a webhook again and again, with lies in its body", "S2", "it is read back, once", _replayed),
    OfSource("pushes with a token without the scope, or of nobody's who administers", "S3", "the scope", _less_scope),
    OfSource("makes somebody a firm admin by SCIM or Smokeball", "S1", "the owner of roles", _makes_admin),
    OfSource("has a user renamed onto a colleague who is shut out", "S1", "who is who stays", _renamed),
    OfSource("has two people change their external ids", "S1", "who is who stays", _swapped),
    OfSource("says what nobody can read, and lets somebody in with it", "S1", "a flaw lets nobody in", _unknown_value),
    OfSource("forgets half the firm", "S3", "*Confirm*", _mass_removal),
    OfSource("drops all walls and deny-lists", "S3", "*Confirm*; a leaver in it is out at once", _drops_walls),
    OfSource("does not answer, while people leave", "S1", "what it said stays; others take away", _down),
)
"""In the order in which they are played."""
