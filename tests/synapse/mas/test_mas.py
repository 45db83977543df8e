"""A firm whose Synapse leaves signing in to the Matrix Authentication Service loses none of the rules (F2, M3)."""

from __future__ import annotations

from pathlib import Path

from tests.synapse.asked.test_channels import asking
from tests.synapse.mas.firm import mas_firm, small
from tests.synapse.running.test_crash import bot_chat


async def test_F2_a_firm_under_mas_is_made_answers_and_cuts_off_who_leaves(tmp_path: Path) -> None:
    async with mas_firm(tmp_path / "var", small(tmp_path)) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        assert {"bot", "ann", "ben", "cleo"} <= {one.username for one in firm.mas.records.users.values()}

        ann, ben = await firm.login("ann"), await firm.login("ben")
        ask = asking(firm, ann, await bot_chat(ann, firm))
        assert "Estate" in await ask("!matter list 2026-0042")
        rooms = await ben.joined_rooms()
        assert rooms

        assert "has left the firm" in await ask("!staff leave @ben")
        await firm.bridge_ready()
        assert (await ben.request("GET", "joined_rooms")).status == 401
        assert firm.mas.records.user("ben").locked and firm.mas.records.user("ben").deactivated
        assert firm.mas.records.whose(ben.token) is None
