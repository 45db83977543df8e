"""A firm whose Synapse leaves signing in to the Matrix Authentication Service loses none of the rules (F2, M3, O3)."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from bridge.care.refusals import read_page
from bridge.check import Verdict
from bridge.firm.audit import Deed
from bridge.firm.conversation import first_matter_conversation_id
from bridge.guard.protocol import sign_taken
from bridge.service import open_firm
from tests.synapse.asked.test_channels import asking
from tests.synapse.harness import Person
from tests.synapse.mas.firm import MasFirm, mas_firm, small
from tests.synapse.mas.test_check import looked_at
from tests.synapse.running.test_crash import bot_chat

EXPIRED = "ORG_MATRIX_EXPIRED_ACCOUNT"


async def test_F2_M3_O3_a_firm_under_mas_answers_and_keeps_out_whom_it_must(tmp_path: Path) -> None:
    async with mas_firm(tmp_path / "var", small(tmp_path)) as firm:
        records = firm.mas.records
        assert [one for one in (await looked_at(firm.settings)).values() if one.state is Verdict.MISSING] == []
        firm.start_bridge()
        await firm.bridge_ready()
        ann, ben, cleo = await firm.login("ann"), await firm.login("ben"), await firm.login("cleo")
        ask = asking(firm, ann, await bot_chat(ann, firm))
        assert "Estate" in await ask("!matter list 2026-0042")

        # The bot's token is for the admin API; whoever has it elsewhere is not the bridge.
        bot = Person(firm.http, firm.url, firm.settings.bot_id, records.open_sessions("bot")[0].token)
        assert (await bot.request("GET", "/_synapse/admin/v1/rooms")).status == 200
        assert (await bot.request("GET", "joined_rooms")).code == EXPIRED

        # What was said while he was in it is nothing that Ben may read, although Matrix would show it to him.
        matter = firm.room(first_matter_conversation_id("m"))
        said = await ann.say(matter, "In confidence")
        reading = f"rooms/{quote(matter)}/event/{quote(said)}"
        assert (await ben.request("GET", reading)).status == 200
        assert "keeps Ben Moor out" in await ask("!wall add 2026-0042 @ben His sister is the other side")
        refused = await ben.request("GET", reading)
        assert (refused.status, refused.code) == (403, "M_FORBIDDEN")

        # A token without a device lives in Synapse's memory for two minutes after MAS has ended it.
        kept = Person(firm.http, firm.url, cleo.user_id, records.sign_in("cleo"))
        assert (await kept.request("GET", "joined_rooms")).status == 200
        assert "has left the firm" in await ask("!staff leave @cleo")
        assert (await kept.request("GET", "joined_rooms")).code == EXPIRED
        assert (await cleo.request("GET", "joined_rooms")).status == 401
        await firm.bridge_ready()
        assert records.user("cleo").locked and records.user("cleo").deactivated
        assert [records.whose(one.token) for one in (cleo, kept)] == [None, None]
        account = await bot.get(f"/_synapse/admin/v2/users/{quote(cleo.user_id)}")
        assert account["deactivated"] and not account["erased"]

        # What MAS asks late, again and again, is no attempt of anybody's, and erases nothing.
        firm.kill_bridge()
        assert [await firm.mas.delete_user(who) for who in ("cleo", "cleo", "ben")] == [403, 403, 403]
        assert not (await bot.get(f"/_synapse/admin/v2/users/{quote(cleo.user_id)}"))["erased"]
        assert await closing_refused(firm) == [("", ben.user_id)]


async def closing_refused(firm: MasFirm) -> list[tuple[str, str]]:
    """Who tried to close whose account, as the guard is about to tell the bridge."""
    key, body = firm.settings.guard.key.get_secret_value(), b'{"spool": "", "after": 0}'
    async with open_firm(firm.settings) as service:
        page = read_page(await service.homeserver.guard_refusals(body, sign_taken(key, body)), key)
    tried = [one.told.attempt for one in page.refusals]
    return [(one.who, one.person) for one in tried if one.deed is Deed.TRIED_TO_DEACTIVATE]
