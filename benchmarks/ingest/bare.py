"""The bare service that the bridge is measured against: parse, write each transaction's events, reply. Nothing else.

It keeps no order, remembers no attempt and loses replies when it is killed. Its database is as durable as the bridge's.
"""

from __future__ import annotations

import argparse
import asyncio
import sqlite3
from typing import Any

import aiohttp
import orjson
import uvloop
from aiohttp import web

Json = dict[str, Any]


async def main(port: int, homeserver: str, database: str, concurrency: int) -> None:
    """Serve until killed."""
    db = sqlite3.connect(database, isolation_level=None)
    db.execute("PRAGMA journal_mode=wal")
    db.execute("PRAGMA synchronous=full")
    db.execute("CREATE TABLE IF NOT EXISTS event (event_id TEXT PRIMARY KEY, room_id TEXT, body BLOB)")
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency))
    tasks: set[asyncio.Task[None]] = set()

    async def reply(event: Json) -> None:
        text = event["content"]["body"].removeprefix("!ping")
        url = f"{homeserver}/_matrix/client/v3/rooms/{event['room_id']}/send/m.room.message/{event['event_id'][1:]}"
        content = orjson.dumps({"msgtype": "m.notice", "body": f"pong{text}"})
        async with session.put(url, data=content, headers={"Authorization": "Bearer x"}) as response:
            await response.read()

    async def transaction(request: web.Request) -> web.Response:
        events: list[Json] = orjson.loads(await request.read())["events"]
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT OR IGNORE INTO event VALUES (?, ?, ?)",
            [(event["event_id"], event["room_id"], orjson.dumps(event)) for event in events],
        )
        db.execute("COMMIT")
        for event in events:
            if event["content"].get("body", "").startswith("!ping"):
                task = asyncio.create_task(reply(event))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
        return web.Response(body=b"{}", content_type="application/json")

    app = web.Application(client_max_size=2**26)
    app.router.add_put("/_matrix/app/v1/transactions/{txn_id}", transaction)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int)
    parser.add_argument("--homeserver")
    parser.add_argument("--folder")
    parser.add_argument("--concurrency", type=int)
    parser.add_argument("--rooms", type=int, help="needs no rooms")
    arguments = parser.parse_args()
    uvloop.run(main(arguments.port, arguments.homeserver, f"{arguments.folder}/bare.db", arguments.concurrency))
