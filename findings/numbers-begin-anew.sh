#!/bin/sh
# mautrix 0.21.1 and Synapse 1.163.2 (PyPI) on SQLite.
#
# The specification lets an application service know a transaction that comes twice by its id, and mautrix does: one whose
# id it has seen it answers with 200 and throws away. Synapse on SQLite counts from 1 again when it is restarted in a quiet
# moment (its issue 14556). So a service on mautrix that runs on meanwhile is deaf for as many transactions as it had before,
# and nobody is told. The bridge goes by the ids of events, which are never used twice.
#
# Seen:   before the restart: transaction 1 is heard; after it: transaction 1 is not heard
# Fails when that changes: then test_the_numbering_begins_anew of conformance/ tries what no homeserver does any more, or
# docs/conformance.md has another word for mautrix.
set -eu
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
    matrix-synapse==1.163.2 mautrix==0.21.1
cat >"$place/seen.py" <<'END'
import asyncio
import json
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from pathlib import Path

import aiohttp
from mautrix.appservice import AppService

PLACE = Path(sys.argv[1])
SYNAPSE = [sys.executable, "-m", "synapse.app.homeserver", "--config-path", str(PLACE / "homeserver.yaml")]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


PORT, SERVICE_PORT = free_port(), free_port()
HOME = f"http://127.0.0.1:{PORT}"
SERVICE = {
    "id": "service",
    "url": f"http://127.0.0.1:{SERVICE_PORT}",
    "as_token": "a-token",
    "hs_token": "another-token",
    "sender_localpart": "service",
    "namespaces": {"users": [{"regex": "@.*:localhost", "exclusive": False}], "aliases": [], "rooms": []},
}
HOMESERVER = {
    "server_name": "localhost",
    "report_stats": False,
    "listeners": [{"port": PORT, "type": "http", "bind_addresses": ["127.0.0.1"], "resources": [{"names": ["client"]}]}],
    "database": {"name": "sqlite3", "args": {"database": str(PLACE / "homeserver.db")}},
    "media_store_path": str(PLACE / "media"),
    "signing_key_path": str(PLACE / "signing.key"),
    "trusted_key_servers": [],
    "app_service_config_files": [str(PLACE / "service.yaml")],
    "enable_registration": True,
    "enable_registration_without_verification": True,
}


@contextmanager
def synapse(log):
    process = subprocess.Popen(SYNAPSE, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def said(words):
    return {"msgtype": "m.text", "body": words}


async def ask(session, method, path, body):
    """Ask as somebody's client does, and again until Synapse has come up."""
    for _ in range(200):
        try:
            async with session.request(method, f"{HOME}/_matrix/client/v3/{path}", json=body) as answer:
                answer.raise_for_status()
                return await answer.json()
        except aiohttp.ClientConnectorError:
            await asyncio.sleep(0.5)
    raise TimeoutError("Synapse does not come up.")


async def main(log):
    service = AppService(
        server=HOME, domain="localhost", id="service", as_token="a-token", hs_token="another-token", bot_localpart="service"
    )
    heard, answered = set(), asyncio.Queue()

    async def hear(event):
        heard.add(event.event_id)

    async def note(request, response):
        if "transaction_id" in request.match_info:
            events = [one["event_id"] for one in (await request.json())["events"]]
            answered.put_nowait((request.match_info["transaction_id"], events))

    service.matrix_event_handler(hear)
    service.app.on_response_prepare.append(note)
    await service.start("127.0.0.1", SERVICE_PORT)
    seen = []
    async with aiohttp.ClientSession() as session:
        with synapse(log):
            account = {"username": "grace", "password": "a long one", "auth": {"type": "m.login.dummy"}}
            token = (await ask(session, "POST", "register", account))["access_token"]
            session.headers["Authorization"] = f"Bearer {token}"
            room = (await ask(session, "POST", "createRoom", {}))["room_id"]
            seen.append(await asyncio.wait_for(answered.get(), 30))
            # A quiet moment: the newest has come, and Synapse has noted that it did.
            newest = (await ask(session, "PUT", f"rooms/{room}/send/m.room.message/1", said("one")))["event_id"]
            while newest not in (await asyncio.wait_for(answered.get(), 30))[1]:
                pass
            with closing(sqlite3.connect(PLACE / "homeserver.db", timeout=30)) as database:
                while database.execute("SELECT count(*) FROM application_services_txns").fetchone()[0]:
                    await asyncio.sleep(0.1)
        with synapse(log):
            await ask(session, "PUT", f"rooms/{room}/send/m.room.message/2", said("two"))
            seen.append(await asyncio.wait_for(answered.get(), 30))
    await service.stop()
    words = [f"transaction {txn} is {'heard' if heard & set(events) else 'not heard'}" for txn, events in seen]
    print("before the restart: {}; after it: {}".format(*words))


(PLACE / "service.yaml").write_text(json.dumps(SERVICE))
(PLACE / "homeserver.yaml").write_text(json.dumps(HOMESERVER))
with (PLACE / "log").open("w") as log:
    subprocess.run([*SYNAPSE, "--generate-keys"], stdout=log, stderr=log, check=True)
    asyncio.run(main(log))
END
seen=$("$place/venv/bin/python" "$place/seen.py" "$place" 2>"$place/errors")
echo "$seen"
[ "$seen" = "before the restart: transaction 1 is heard; after it: transaction 1 is not heard" ] ||
    { echo "This is otherwise than it was." >&2; exit 1; }
