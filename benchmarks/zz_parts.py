"""The bridge's endpoints, inbox, store and outbox without the rest: a handler that answers !ping, a bare sender."""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import signal
from typing import Any

import aiohttp
import orjson
import uvloop
from prometheus_client import CollectorRegistry

from bridge.handlers.inbox import Inbox
from bridge.matrix.outbox import Outbox
from bridge.metrics import Metrics
from bridge.settings import Settings
from bridge.store.outbox import enqueue
from bridge.store.store import Store
from bridge.web.app import make_app, serve


class Sender:
    def __init__(self, session, url):
        self.session=session; self.url=url
    async def send(self, room_id, sender, event_type, content, txn_id):
        async with self.session.put(f"{self.url}/_matrix/client/v3/rooms/{room_id}/send/{event_type}/{txn_id}", params={"user_id":sender}, data=orjson.dumps(content), headers={"Authorization":"Bearer x"}) as r:
            await r.read()
            return "$x"

async def main(a):
    settings = Settings(appservice={"as_token":"a"*20,"hs_token":"benchmark-hs-token-0001","listen_port":a.port}, security={"alias_key":"k"*20}, homeserver={"concurrency":a.concurrency})
    store=Store("sqlite:///"+a.folder+"/b.db"); await store.open()
    m=Metrics(CollectorRegistry())
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=a.concurrency)) as s:
        outbox=Outbox(store, Sender(s,a.homeserver), settings, m)
        async def handle(e):
            def effect():
                enqueue(e["event_id"]+"/reply", e["room_id"], "@bot:localhost","m.room.message",{"msgtype":"m.notice","body":"pong"+e["content"]["body"][5:]})
            return effect
        inbox=Inbox(store, handle, settings.inbox, m, outbox.wake)
        async def no(x): return False
        app=make_app(settings.appservice,inbox=inbox,interesting=lambda e: e["type"]=="m.room.message" and e["content"].get("body","").startswith("!"),user_known=no,alias_known=no,health=dict,metrics=m)
        async with serve(app,settings.appservice):
            await inbox.start(); await outbox.start()
            stop=asyncio.Event(); asyncio.get_running_loop().add_signal_handler(signal.SIGTERM,stop.set)
            await stop.wait()
p=argparse.ArgumentParser()
p.add_argument("--port",type=int);p.add_argument("--homeserver");p.add_argument("--folder");p.add_argument("--concurrency",type=int);p.add_argument("--profile",default=__import__("os").environ.get("PROF"))
a=p.parse_args()
if a.profile:
    pr=cProfile.Profile(); pr.enable(); uvloop.run(main(a)); pr.disable(); pr.dump_stats(a.profile)
else: uvloop.run(main(a))
