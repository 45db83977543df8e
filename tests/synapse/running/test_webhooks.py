"""A system that is told what happens, by the running bridge on the real Synapse, killed on the way (A3)."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.component.webhooks.receiver import Receiver
from tests.synapse.guard.test_guard import guarded_firm
from tests.synapse.guard.test_walls import answered
from tests.synapse.harness import RealFirm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import now
from tests.synapse.running.test_put_back import ADMINS

LOOPBACK = {"FIRM_BRIDGE_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8"]'}


async def add(firm: RealFirm, url: str, *given: str) -> str:
    """Make a webhook beside the running bridge; its secret."""
    command = (sys.executable, "-m", "bridge.cli", "webhook", "add", url, *given)
    config = str(firm.place.settings_file)
    made = await asyncio.create_subprocess_exec(
        *command, "--config", config, env={**os.environ, **LOOPBACK}, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await made.communicate()
    assert made.returncode == 0
    return said.decode().splitlines()[0]


async def test_A3_what_is_said_is_told_once_the_bridge_runs_again_and_not_to_the_walled(tmp_path: Path) -> None:
    systems = Receiver(), Receiver()
    application = web.Application()
    application.add_routes([web.post(f"/{number}", one.take) for number, one in enumerate(systems)])
    of_firm, of_dan = systems
    async with guarded_firm(tmp_path, ADMINS) as guarded, TestServer(application) as server:
        firm, ann = guarded.firm, guarded.ann
        firm.stop_bridge()
        firm.start_bridge(fault="webhook.sent", env=LOOPBACK)
        await firm.bridge_ready()
        of_dan.secret = await add(firm, str(server.make_url("/1")), "--for", "d", "--text", "--event", "all")
        since = await now(ann)
        await ann.say(await bot_chat(ann, firm), "!wall add 2026-0042 @dan His cousin is the other side")
        await answered(ann, since, "dan Moor")
        said = ["--event", "message.sent", "--text"]
        of_firm.secret = await add(firm, str(server.make_url("/0")), *said)
        first = await ann.say(guarded.matter, "The hearing is at nine")
        assert await firm.bridge_ended() == -signal.SIGKILL
        await of_firm.until(1)
        second = await ann.say(guarded.matter, "At ten")
        firm.start_bridge(env=LOOPBACK)
        await firm.bridge_ready()
        # What it had before the crash comes again, under the same id, and then what was said meanwhile.
        told = await of_firm.until(3)
        assert [one["data"]["event"] for one in told] == [first, first, second]
        assert [one["data"]["text"] for one in told[1:]] == ["The hearing is at nine", "At ten"]
        assert of_firm.ids[0] == of_firm.ids[1]
        assert not any("matter" in one["data"] for one in of_dan.told)
