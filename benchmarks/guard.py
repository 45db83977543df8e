"""What the guard costs a message: the same messages to two Synapses, one with the guard and one without.

    python -m benchmarks.guard [--people 60] [--rounds 20] [--messages 40]

Each Synapse has one channel with so many people in it. Rounds of messages go to one and the other in turn, so that
whatever else the machine does falls on both. Synapse hands a module all state of the room for every event, so the
people count.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import aiohttp
import psutil
from rich.console import Console
from rich.table import Table

from benchmarks.provision import free_port
from bridge.dev import files, processes, synapse
from bridge.dev.place import LocalFirm
from bridge.dev.processes import Program
from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.facts import records_of
from bridge.firm.model import Firm, Staff
from bridge.firm.room_keys import MARKER
from bridge.guard.protocol import PATH, SIGNATURE_HEADER, sign_push
from bridge.reconcile.guarding import facts_of
from bridge.settings import Settings

Json = dict[str, Any]
CHANNEL = "channel-bench"


@dataclass
class Server:
    """A Synapse with a channel, and what was measured on it."""

    settings: Settings
    program: Program
    http: aiohttp.ClientSession
    people: list[str]
    """User ids."""
    room_id: str = ""
    milliseconds: list[float] = field(default_factory=list)
    """For a message, by round."""
    processor: list[float] = field(default_factory=list)
    """Milliseconds of Synapse's processor time for a message, by round."""

    async def ask(self, method: str, path: str, user_id: str, body: Json) -> Json:
        """A request as somebody, which must succeed."""
        async with self.http.request(method, path, params={"user_id": user_id}, json=body) as answer:
            if answer.status >= 300:
                raise SystemExit(f"{path}: {answer.status} {await answer.text()}")
            found: Json = await answer.json()
            return found

    async def round(self, number: int, messages: int) -> None:
        """So many messages, one after another."""
        process = psutil.Process(self.program.process.pid)
        started, worked = time.perf_counter(), sum(process.cpu_times()[:2])
        for message in range(messages):
            path = f"/_matrix/client/v3/rooms/{quote(self.room_id)}/send/m.room.message/{number}-{message}"
            await self.ask("PUT", path, self.people[0], {"msgtype": "m.text", "body": "Tuesday, then"})
        self.milliseconds.append((time.perf_counter() - started) / messages * 1000)
        self.processor.append((sum(process.cpu_times()[:2]) - worked) / messages * 1000)


async def start(stack: AsyncExitStack, place: LocalFirm, own: Mapping[str, Json], people: int) -> Server:
    """A Synapse with everybody in the channel."""
    settings = files.write_files(place, own)
    program = synapse.start_synapse(place)
    stack.callback(processes.stop, program)
    await synapse.wait_for_synapse(program, place)
    await synapse.make_bot(place, settings)
    headers = {"Authorization": f"Bearer {settings.appservice.as_token.get_secret_value()}"}
    http = await stack.enter_async_context(aiohttp.ClientSession(place.synapse_url, headers=headers))
    names = [f"robin{number}" for number in range(people)]
    server = Server(settings, program, http, [f"@{name}:{settings.homeserver.server_name}" for name in names])
    if settings.guarded:
        await tell_guard(server, names)
    for name, user_id in zip(names, server.people, strict=True):
        account = {"type": "m.login.application_service", "username": name, "inhibit_login": True}
        await server.ask("POST", "/_matrix/client/v3/register", user_id, account)
    state: list[Json] = [{"type": MARKER, "state_key": "", "content": {"kind": "channel", "key": CHANNEL}}]
    invited = {"membership": "invite"}
    state += [{"type": "m.room.member", "state_key": user_id, "content": invited} for user_id in server.people]
    body = {"preset": "private_chat", "initial_state": state}
    server.room_id = (await server.ask("POST", "/_matrix/client/v3/createRoom", settings.bot_id, body))["room_id"]
    for user_id in server.people:
        await server.ask("POST", f"/_matrix/client/v3/rooms/{quote(server.room_id)}/join", user_id, {})
    return server


async def tell_guard(server: Server, names: list[str]) -> None:
    """The policy under which all of them may be in the channel."""
    staff = {name: Staff(name, name, "", "") for name in names}
    channel = Conversation(CHANNEL, ConversationKind.CHANNEL)
    told = facts_of(Firm(staff), {name: name for name in names}, {CHANNEL: channel}, server.settings)
    body = json.dumps({"version": 1, "records": records_of(told)}).encode()
    signature = sign_push(server.settings.guard.key.get_secret_value(), body)
    async with server.http.post(PATH, data=body, headers={SIGNATURE_HEADER: signature}) as answer:
        answer.raise_for_status()


async def main(size: argparse.Namespace) -> None:
    with TemporaryDirectory() as name:
        async with AsyncExitStack() as stack:
            guarded = await start(stack, LocalFirm(Path(name) / "with", free_port(), 1), {}, size.people)
            without = {"guard": {"key": ""}}
            plain = await start(stack, LocalFirm(Path(name) / "without", free_port(), 1), without, size.people)
            for number in range(size.rounds + 1):
                for server in (guarded, plain) if number % 2 else (plain, guarded):
                    await server.round(number, size.messages)
    # The first round fills the caches.
    pairs = list(zip(guarded.milliseconds[1:], plain.milliseconds[1:], strict=True))
    works = list(zip(guarded.processor[1:], plain.processor[1:], strict=True))
    table = Table(title=f"{size.people} people in the channel, {size.rounds} rounds of {size.messages}; medians")
    for column in ("what", "with the guard", "without", "ratio (at most 1.05)"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for what, both in (("a message", pairs), ("processor time of Synapse for it", works)):
        one, other = (statistics.median(values) for values in zip(*both, strict=True))
        ratio = statistics.median(with_it / without for with_it, without in both)
        table.add_row(what, f"{one:.1f} ms", f"{other:.1f} ms", f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, usual in {"people": 60, "rounds": 20, "messages": 40}.items():
        parser.add_argument(f"--{option}", type=int, default=usual)
    asyncio.run(main(parser.parse_args()))
