"""Backups put back on the real Synapse: of the bridge's database, and of Synapse's own (R3)."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from bridge.backup.manifest import Side
from bridge.backup.sealed import BackupError
from bridge.reconcile.watermark import DATA_TYPE
from tests.backups import backed_up, put_back_one, with_backups
from tests.synapse.guard.test_guard import GuardedFirm, guarded_firm
from tests.synapse.guard.test_walls import answered
from tests.synapse.harness import WITHOUT_GUARD, RealFirm
from tests.synapse.running.test_crash import LONG, bot_chat
from tests.synapse.running.test_provisioning import membership_of, now

ADMINS = {"firm": {"name": "Moor", "admin_roles": ["Partner"]}}


def back_up(firm: RealFirm) -> Path:
    """Both databases, while all runs."""
    place = firm.place
    return backed_up(with_backups(firm.settings, place.var / "backups", place.synapse_database), place.settings_file)


def put_back(firm: RealFirm, backup: Path, side: Side) -> None:
    """One of them, beside the other as it is now."""
    place = firm.place
    settings = with_backups(firm.settings, place.var / "backups", place.synapse_database)
    put_back_one(backup, settings, side, place.var)


async def wall_cleo(guarded: GuardedFirm) -> tuple[str, str]:
    """A wall takes Cleo out of the matter's conversation. Returns the room she was in, and the one it goes on in."""
    earlier, since = guarded.matter, await now(guarded.ann)
    chat = await bot_chat(guarded.ann, guarded.firm)
    await guarded.ann.say(chat, "!wall add 2026-0042 @cleo Her cousin is the other side")
    await answered(guarded.ann, since, "cleo Moor: taken out of 1 conversation")
    assert (await guarded.memberships(earlier))[guarded.cleo.user_id] == "leave"
    assert guarded.matter != earlier
    return earlier, guarded.matter


async def is_kept_out(guarded: GuardedFirm, earlier: str) -> None:
    """Cleo is out of the room she was in, and was never in the one in which Ann and the others go on."""
    assert (await guarded.memberships(earlier))[guarded.cleo.user_id] == "leave"
    members = await guarded.memberships(guarded.matter)
    assert members == dict.fromkeys((guarded.ann.user_id, guarded.firm.settings.bot_id), "join")
    for room_id in (earlier, guarded.matter):
        path = f"rooms/{quote(room_id)}"
        invited = await guarded.ann.request("POST", f"{path}/invite", {"user_id": guarded.cleo.user_id})
        assert invited.status == 403
        assert (await guarded.cleo.request("POST", f"{path}/join")).status == 403
    await guarded.ann.say(guarded.matter, "We go on here.")


@pytest.mark.parametrize("synapse_running", [True, False] if LONG else [True])
async def test_R3_yesterdays_database_of_the_bridge_lets_nobody_in_again(tmp_path: Path, synapse_running: bool) -> None:
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        firm = guarded.firm
        since = await now(guarded.cleo)
        chat = await bot_chat(guarded.cleo, firm)
        await guarded.cleo.say(chat, "!matter join 2026-0042")
        await guarded.cleo.wait_for_event(since, membership_of(guarded.cleo.user_id, "join", guarded.matter))
        backup = back_up(firm)
        earlier, anew = await wall_cleo(guarded)
        firm.stop_bridge()
        put_back(firm, backup, Side.BRIDGE)
        if not synapse_running:
            firm.kill_synapse()
            await firm.start_synapse()
        firm.start_bridge()
        await firm.bridge_ready()
        await is_kept_out(guarded, earlier)
        assert guarded.matter == anew
        with closing(sqlite3.connect(firm.place.bridge_database)) as database:
            (walls,) = database.execute("SELECT count(*) FROM command_wall WHERE ended_at IS NULL").fetchone()
            (noted,) = database.execute("SELECT count(*) FROM audit_row WHERE deed = 'database_put_back'").fetchone()
        assert (walls, noted) == (1, 1)


@pytest.mark.parametrize("guards_file", ["its own", "kept", "no guard"] if LONG else ["kept"])
async def test_R3_yesterdays_synapse_beside_a_running_bridge_is_shut_out_of_at_once(
    tmp_path: Path, guards_file: str
) -> None:
    """Also where no guard tells of it: it has kept its file from today, or there is none."""
    own = {**ADMINS, **WITHOUT_GUARD} if guards_file == "no guard" else ADMINS
    async with guarded_firm(tmp_path, own) as guarded:
        firm = guarded.firm
        since = await now(guarded.cleo)
        await guarded.cleo.say(await bot_chat(guarded.cleo, firm), "!matter join 2026-0042")
        await guarded.cleo.wait_for_event(since, membership_of(guarded.cleo.user_id, "join", guarded.matter))
        policy = firm.place.synapse_folder / "firm-policy"
        before = await watermark(firm)
        backup = back_up(firm)
        if guards_file == "its own":
            shutil.copy(policy, tmp_path / "policy.backup")
        earlier, anew = await wall_cleo(guarded)
        async with asyncio.timeout(60):
            while await watermark(firm) == before:  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.5)
        with pytest.raises(BackupError, match="is in use; stop what uses it"):
            put_back(firm, backup, Side.SYNAPSE)
        firm.stop_synapse()
        put_back(firm, backup, Side.SYNAPSE)
        if guards_file == "its own":
            shutil.copy(tmp_path / "policy.backup", policy)
        await firm.start_synapse()
        assert (await guarded.memberships(earlier))[guarded.cleo.user_id] == "join"
        since = (await guarded.ann.sync())["next_batch"]
        # Nobody does anything: the bridge looks for its mark and the guard's version every few seconds.
        await guarded.ann.wait_for_event(since, membership_of(guarded.cleo.user_id, "leave", earlier))
        # Synapse may send events again by which the bridge finds her before it looks.
        async with asyncio.timeout(30):
            # The room made anew is not in that Synapse: it is made once more.
            while guarded.matter == anew or guarded.matter not in await guarded.ann.joined_rooms():  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.2)
            if guards_file == "its own":
                while policy.read_bytes() == (tmp_path / "policy.backup").read_bytes():  # noqa: ASYNC110 - as above
                    await asyncio.sleep(0.2)
        await firm.bridge_ready()
        await is_kept_out(guarded, earlier)


async def watermark(firm: RealFirm) -> object:
    path = f"user/{quote(firm.settings.bot_id)}/account_data/{DATA_TYPE}"
    return (await firm.bot.request("GET", path)).body


async def test_R3_an_invitation_by_yesterdays_policy_is_good_until_the_bridge_looks(tmp_path: Path) -> None:
    """For some seconds the guard knows only what it knew then (docs/security.md). Whoever comes in so is out again."""
    async with guarded_firm(tmp_path, ADMINS) as guarded:
        firm = guarded.firm
        policy, matter = firm.place.synapse_folder / "firm-policy", guarded.matter
        backup = back_up(firm)
        shutil.copy(policy, tmp_path / "policy.backup")
        since, chat = await now(guarded.ann), await bot_chat(guarded.ann, firm)
        await guarded.ann.say(chat, "!wall add 2026-0042 @cleo Her cousin is the other side")
        await answered(guarded.ann, since, "Nobody it keeps out was in a conversation")
        cleo, room = guarded.cleo, f"rooms/{quote(matter)}"
        assert (await guarded.ann.request("POST", f"{room}/invite", {"user_id": cleo.user_id})).status == 403
        with firm.bridge_held():
            firm.stop_synapse()
            put_back(firm, backup, Side.SYNAPSE)
            shutil.copy(tmp_path / "policy.backup", policy)
            await firm.start_synapse()
            assert (await guarded.ann.request("POST", f"{room}/invite", {"user_id": cleo.user_id})).status == 200
            since = (await guarded.ann.sync())["next_batch"]
        await guarded.ann.wait_for_event(since, membership_of(cleo.user_id, "leave", matter))
        # The conversation goes on in another room, since she could have read this one.
        await guarded.ann.wait_for_event(since, membership_of(guarded.ann.user_id, "join"))
        # The bridge may have found her by an event that Synapse sent, and look at the guard only after that.
        async with asyncio.timeout(30):
            while policy.read_bytes() == (tmp_path / "policy.backup").read_bytes():  # noqa: ASYNC110 - no event for it
                await asyncio.sleep(0.2)
        await firm.bridge_ready()
        await is_kept_out(guarded, matter)
        assert (await cleo.request("GET", f"{room}/messages", dir="b")).status == 403
