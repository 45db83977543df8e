"""Backups put back on the real Synapse: of the bridge's database, and of Synapse's own (R3)."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.synapse.test_crash import bot_chat
from tests.synapse.test_guard import GuardedFirm, guarded_firm
from tests.synapse.test_provisioning import membership_of, now

ADMINS = {"firm": {"name": "Moor", "admin_roles": ["Partner"]}}


def back_up(database: Path, copy: Path) -> None:
    with closing(sqlite3.connect(database)) as live, closing(sqlite3.connect(copy)) as kept:
        live.backup(kept)


def put_back(copy: Path, database: Path) -> None:
    for path in database.parent.glob(f"{database.name}*"):
        path.unlink()
    shutil.copy(copy, database)


async def wall_cleo(guarded: GuardedFirm) -> None:
    """Cleo is in the matter's conversation, and a wall takes her out."""
    since = await now(guarded.cleo)
    chat = await bot_chat(guarded.ann, guarded.firm)
    await guarded.ann.say(chat, "!wall add 2026-0042 @cleo Her cousin is the other side")
    await guarded.cleo.wait_for_event(since, membership_of(guarded.cleo.user_id, "leave", guarded.matter))


async def is_kept_out(guarded: GuardedFirm) -> None:
    assert (await guarded.memberships(guarded.matter)).get(guarded.cleo.user_id) == "leave"
    path = f"rooms/{quote(guarded.matter)}"
    invited = await guarded.ann.request("POST", f"{path}/invite", {"user_id": guarded.cleo.user_id})
    assert invited.status == 403
    assert (await guarded.cleo.request("POST", f"{path}/join")).status == 403


@pytest.mark.parametrize("synapse_running", [True, False])
async def test_R3_yesterdays_database_of_the_bridge_lets_nobody_in_again(tmp_path: Path, synapse_running: bool) -> None:
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        firm = guarded.firm
        since = await now(guarded.cleo)
        chat = await bot_chat(guarded.cleo, firm)
        await guarded.cleo.say(chat, "!matter join 2026-0042")
        await guarded.cleo.wait_for_event(since, membership_of(guarded.cleo.user_id, "join", guarded.matter))
        back_up(firm.place.bridge_database, tmp_path / "bridge.backup")
        await wall_cleo(guarded)
        firm.stop_bridge()
        put_back(tmp_path / "bridge.backup", firm.place.bridge_database)
        if not synapse_running:
            firm.kill_synapse()
            await firm.start_synapse()
        firm.start_bridge()
        await firm.bridge_ready()
        await is_kept_out(guarded)
        with closing(sqlite3.connect(firm.place.bridge_database)) as database:
            (walls,) = database.execute("SELECT count(*) FROM command_wall WHERE ended_at IS NULL").fetchone()
            (noted,) = database.execute("SELECT count(*) FROM audit_row WHERE deed = 'database_put_back'").fetchone()
        assert (walls, noted) == (1, 1)


async def test_R3_yesterdays_synapse_beside_a_running_bridge_is_shut_out_of_at_once(tmp_path: Path) -> None:
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        firm = guarded.firm
        since = await now(guarded.cleo)
        await guarded.cleo.say(await bot_chat(guarded.cleo, firm), "!matter join 2026-0042")
        await guarded.cleo.wait_for_event(since, membership_of(guarded.cleo.user_id, "join", guarded.matter))
        policy = firm.place.synapse_folder / "firm-policy"
        back_up(firm.place.synapse_database, tmp_path / "synapse.backup")
        shutil.copy(policy, tmp_path / "policy.backup")
        await wall_cleo(guarded)
        firm.stop_synapse()
        put_back(tmp_path / "synapse.backup", firm.place.synapse_database)
        shutil.copy(tmp_path / "policy.backup", policy)
        await firm.start_synapse()
        assert (await guarded.memberships(guarded.matter))[guarded.cleo.user_id] == "join"
        since = (await guarded.ann.sync())["next_batch"]
        # Nobody does anything: the bridge looks at the guard's version every half minute.
        await guarded.ann.wait_for_event(since, membership_of(guarded.cleo.user_id, "leave", guarded.matter))
        await firm.bridge_ready()
        await is_kept_out(guarded)
