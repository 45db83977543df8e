"""Commands of the shell beside the bridge that runs: they read freely, ask it for the rest, or refuse."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from bridge.cli.exits import Exit
from bridge.firm.conversation import bot_chat_id
from bridge.settings import Settings
from bridge.store.engine.unit import Unit
from bridge.store.models import InboxEvent, OutboxMessage
from bridge.web.shell import SHELL_PATH, signed
from tests.component.on_fake import write
from tests.component.running.test_app import fake, no_waiting, settings
from tests.component.running_bridge import FIRM, STAFF, running
from tests.component.wire.traffic import until
from tests.fakes.faults import Answer
from tests.fakes.homeserver import FakeHomeserver

__all__ = ["fake", "no_waiting", "settings"]


@pytest.fixture
def config(settings: Settings, tmp_path: Path) -> str:
    """The bridge's configuration as a file."""
    path = tmp_path / "firm-bridge.yaml"

    def plain(section: Any) -> Any:
        found = section.model_dump(mode="python")
        return {
            key: value.get_secret_value() if hasattr(value, "get_secret_value") else value
            for key, value in found.items()
        }

    names = ("homeserver", "appservice", "database", "security", "firm", "accounts")
    written = {name: plain(getattr(settings, name)) for name in names}
    written["firm"]["admin_roles"] = list(written["firm"]["admin_roles"])
    written["directory"] = {"path": settings.directory.path, "removal_limit": 0}
    path.write_text(yaml.safe_dump(written), encoding="utf-8")
    path.chmod(0o600)
    return str(path)


async def typed(config: str, *arguments: str) -> tuple[int | None, str, str]:
    """A command in a process of its own: exit code, standard output and standard error."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bridge.cli",
        *arguments,
        "--config",
        config,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode, said.decode(), complained.decode()


async def test_sync_beside_the_bridge_is_refused_in_words_and_changes_nothing(
    settings: Settings, fake: FakeHomeserver, config: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async with running(settings, fake) as bridge:
        await bridge.quiet()
        fake.requests.clear()
        code, _, complained = await typed(config, "sync", "--yes")
        assert code == Exit.RUNNING
        assert "Another process of firm-bridge uses the database" in complained
        assert bridge.changed() == []


async def test_reading_beside_the_bridge_is_free(settings: Settings, fake: FakeHomeserver, config: str) -> None:
    async with running(settings, fake) as bridge:
        await bridge.quiet()
        fake.requests.clear()
        for arguments in (("plan",), ("staff", "list"), ("directory", "status"), ("audit", "verify")):
            code, said, complained = await typed(config, *arguments)
            assert (code, complained) == (Exit.OK, "")
            assert said
        assert bridge.changed() == []


async def test_a_foreign_export_is_compared_with_the_firm_and_changes_nothing(
    settings: Settings, fake: FakeHomeserver, config: str, tmp_path: Path
) -> None:
    export = tmp_path / "people.csv"
    people = "".join(f"{one['id']};{one['first_name']};{one['email']};\r\n" for one in STAFF[:2])
    export.write_text(f"ID;Given;E-mail;Mood\r\n{people}")
    (tmp_path / "map.yaml").write_text("staff: {columns: {first_name: Given}}")
    words = ("directory", "convert", f"staff={export}", "--mapping", str(tmp_path / "map.yaml"))
    async with running(settings, fake) as bridge:
        await bridge.quiet()
        fake.requests.clear()
        code, said, complained = await typed(config, *words)
        assert bridge.changed() == []
    assert (code, complained) == (Exit.OK, "")
    assert "Mood    passed over" in said
    assert "No longer active staff" in said
    assert "it would wait for `!directory confirm`" in said


async def test_dead_letters_are_tried_again_by_the_bridge_that_runs(
    settings: Settings, fake: FakeHomeserver, config: str
) -> None:
    async with running(settings, fake) as bridge:
        await bridge.well()
        chat = await bridge.room(bot_chat_id("c"))

        def fill(unit: Unit) -> None:
            unit.run(
                InboxEvent.insert(
                    event_id="$dead", room_id=chat, body=b"{}", received_at=1, attempts=5, status="dead", error="x"
                )
            )
            unit.run(
                OutboxMessage.insert(
                    txn_id="dead",
                    room_id=chat,
                    sender=fake.bot_id,
                    event_type="m.room.message",
                    content=b'{"msgtype": "m.notice", "body": "late"}',
                    attempts=5,
                    status="dead",
                    error="x",
                )
            )

        await bridge.service.store.run(fill)
        (dead,) = (await typed(config, "dead-letters", "list", "--json"))[1].split('"id": "out-')[1:]
        code, said, _ = await typed(config, "dead-letters", "replay", "out-" + dead.partition('"')[0])
        assert (code, said.strip()) == (Exit.OK, "1 will be tried again.")
        await until(lambda: any(one["content"].get("body") == "late" for one in fake.events(chat, "m.room.message")))


async def test_a_held_change_is_confirmed_by_the_bridge_that_runs(
    settings: Settings, fake: FakeHomeserver, config: str
) -> None:
    strict = settings.model_copy(update={"directory": settings.directory.model_copy(update={"removal_limit": 0})})
    async with running(strict, fake) as bridge:
        await bridge.well()
        write(bridge.directory, {**FIRM, "staff": STAFF[:2]})
        await until(lambda: bridge.service.directory.held is not None)
        code, said, complained = await typed(config, "directory", "confirm", "--yes")
        assert (code, complained) == (Exit.OK, "")
        assert said.startswith("Confirmed.")
        await until(lambda: fake.accounts["@cleo:localhost"].locked)


async def test_a_confirmed_change_is_foreseen_and_taken_back_by_the_bridge_that_runs(
    settings: Settings, fake: FakeHomeserver, config: str
) -> None:
    strict = settings.model_copy(update={"directory": settings.directory.model_copy(update={"removal_limit": 0})})
    async with running(strict, fake) as bridge:
        await bridge.well()
        assert (await typed(config, "directory", "undo", "--yes"))[0] == Exit.NOT_FOUND
        write(bridge.directory, {**FIRM, "staff": STAFF[:2]})
        await until(lambda: bridge.service.directory.held is not None)
        code, said, _ = await typed(config, "directory", "plan")
        assert code == Exit.OK
        assert "Cleo Crane: the account ends; out of every conversation" in said
        (cleo, *_) = json.loads((await typed(config, "directory", "plan", "--json"))[1])["effects"]
        assert cleo["what"] == "Cleo Crane"
        await typed(config, "directory", "confirm", "--yes")
        await until(lambda: fake.accounts["@cleo:localhost"].deactivated)
        code, said, _ = await typed(config, "directory", "undo", "--yes")
        assert code == Exit.OK
        assert said.startswith("Taken back")
        await until(lambda: not fake.accounts["@cleo:localhost"].locked)
        code, _, complained = await typed(config, "directory", "undo", "--yes")
        assert code == Exit.NOT_FOUND
        assert "has been taken back" in complained


async def test_nobody_is_answered_who_has_another_configuration(settings: Settings, fake: FakeHomeserver) -> None:
    url = f"http://127.0.0.1:{settings.appservice.listen_port}{SHELL_PATH}"
    key = settings.security.alias_key.get_secret_value()
    async with running(settings, fake) as bridge, aiohttp.ClientSession() as session:
        await bridge.well()

        async def answer(body: bytes) -> int:
            async with session.post(url, data=body) as reply:
                return reply.status

        assert await answer(signed("another key", {"do": "replay", "incoming": None, "outgoing": None})) == 403
        for asked in ({}, {"do": "replay", "incoming": ["1"], "outgoing": None}, {"do": "confirm", "by": "x"}):
            assert await answer(signed(key, asked)) == 400
        for body in (b"", b"[]", b"{", b'{"asked": "", "signature": 1}'):
            assert await answer(body) in {400, 403}


async def test_check_sees_a_token_that_the_running_bridge_does_not_use(
    settings: Settings, fake: FakeHomeserver, config: str
) -> None:
    async def finding() -> Any:
        code, said, _ = await typed(config, "check", "--json")
        assert code != Exit.FAULT
        return next((one for one in json.loads(said) if one["name"] == "hs_token"), said)

    fake.script("GET", "/versions$", Answer(200, b"{}"), Answer(200, b"{}"))
    written = yaml.safe_load(await asyncio.to_thread(Path(config).read_text, encoding="utf-8"))
    async with running(settings, fake) as bridge:
        await bridge.well()
        assert (await finding())["state"] == "ok"
        written["appservice"]["hs_token"] = "another-token-than-the-bridge-runs-with"
        await asyncio.to_thread(Path(config).write_text, yaml.safe_dump(written), encoding="utf-8")
        found = await finding()
        assert found["state"] == "missing"
        assert "uses another hs_token" in found["what"]


async def test_A1_a_token_is_made_listed_and_ended_beside_the_bridge_that_runs(
    settings: Settings, fake: FakeHomeserver, config: str
) -> None:
    async with running(settings, fake) as bridge:
        await bridge.well()
        code, said, _ = await typed(config, "token", "new", "--for", "c", "--scope", "people:read", "--name", "Clock")
        assert (code, "This is token 1." in said) == (Exit.OK, True)
        secret = said.split()[0]
        code, listed, _ = await typed(config, "token", "list", "--json")
        (one,) = json.loads(listed)
        assert (one["person"], one["name"], one["scopes"]) == ("c", "Clock", ["people:read"])
        assert secret not in listed
        assert (await typed(config, "token", "end", "1"))[:2] == (Exit.OK, "Token 1 has ended.\n")
        assert (await typed(config, "token", "end", "1"))[0] == Exit.NOT_FOUND
        assert (await typed(config, "token", "new", "--for", "c", "--scope", "all"))[0] == Exit.USAGE
        new = "token", "new", "--scope", "matters:read"
        assert (await typed(config, *new, "--as-system", "intake"))[0] == Exit.OK
        code, listed, _ = await typed(config, "token", "list", "--json")
        assert [(one["person"], one["system"]) for one in json.loads(listed)] == [("", "intake")]
        for wrong in ((), ("--for", "c", "--as-system", "intake"), ("--as-system", "In take")):
            assert (await typed(config, *new, *wrong))[0] == Exit.USAGE
        assert (await typed(config, *new, "--scope", "scim", "--as-system", "intake"))[0] == Exit.USAGE
