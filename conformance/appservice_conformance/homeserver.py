"""The homeserver that a service under test talks to: it takes what is sent, and agrees to everything else."""

from __future__ import annotations

import json
import re
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

from appservice_conformance.world import BOT, PERSON, ROOMS, SERVER

_SEND = re.compile(r"/_matrix/client/[^/]+/rooms/(?P<room>[^/]+)/send/[^/]+/[^/]+")
_STATE = re.compile(r"/_matrix/client/[^/]+/rooms/(?P<room>[^/]+)/state/(?P<type>[^/]+)/?")
_PONG = re.compile(r"pong (w\w+)")


@dataclass(frozen=True)
class Answer:
    """What a service needs to hear that no other does: the first whose pattern fits the path."""

    path: str
    """A pattern as of a shell; a path is compared unquoted."""
    status: int
    body: Any


class Homeserver:
    """Listens in a thread of its own, and remembers the answers of the service under test."""

    def __init__(self, answers: Sequence[Answer] = (), port: int = 0) -> None:
        self._answers = answers
        self._changed = threading.Condition()
        self._sent: dict[str, str] = {}
        self._pongs: list[tuple[str, str]] = []
        self._failing = 0
        self._server: ThreadingHTTPServer | None = None
        self.port = port

    def start(self) -> None:
        """Listen: where it did before, after `stop`."""
        handler = type("Handler", (_Handler,), {"homeserver": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), handler)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Be away."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None

    def fail(self, sends: int) -> None:
        """Answer the next so many sends with 503."""
        self._failing = sends

    def wait(self, ready: Callable[[list[tuple[str, str]]], bool], seconds: float) -> bool:
        """Wait until the pongs so far, each with its room, are what is waited for; whether they are in time."""
        with self._changed:
            return self._changed.wait_for(lambda: ready(self._pongs), seconds)

    def pongs(self, room: str | None = None) -> list[str]:
        """The words that were answered, in order, each as often as somebody in the room sees it."""
        with self._changed:
            return [said for said, where in self._pongs if room in {None, where}]

    def answer(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and body of the answer to a request."""
        for special in self._answers:
            if fnmatchcase(path, special.path):
                return special.status, special.body
        if found := _SEND.fullmatch(path):
            return self._take(path, found["room"], body)
        return 200, _agreement(path)

    def _take(self, path: str, room: str, body: bytes) -> tuple[int, Any]:
        """A send. The same one again makes no second event (client-server API: transaction identifiers)."""
        with self._changed:
            if self._failing > 0:
                self._failing -= 1
                return 503, {"errcode": "M_UNKNOWN", "error": "Not now."}
            if path not in self._sent:
                self._sent[path] = f"$sent{len(self._sent)}"
                self._pongs += [(said, room) for said in _PONG.findall(_text(body))]
                self._changed.notify_all()
            return 200, {"event_id": self._sent[path]}


def _text(body: bytes) -> str:
    content = json.loads(body)
    return str(content.get("body", "")) if isinstance(content, dict) else ""


def _agreement(path: str) -> Any:
    if path.endswith("/versions"):
        return {"versions": ["v1.11"], "unstable_features": {}}
    if path.endswith("/joined_rooms"):
        return {"joined_rooms": list(ROOMS)}
    if "/join" in path:
        return {"room_id": next((room for room in ROOMS if room in path), ROOMS[0])}
    if found := _STATE.fullmatch(path):
        return _state(found["room"], found["type"])
    if path.endswith("/joined_members"):
        return {"joined": {BOT: {}, PERSON: {}}}
    if path.endswith("/createRoom"):
        return {"room_id": f"!made{secrets.token_hex(8)}:{SERVER}"}
    if path.endswith("/upload"):
        return {"content_uri": f"mxc://{SERVER}/{secrets.token_hex(8)}"}
    if path.endswith("/ping"):
        return {"duration_ms": 1}
    return {"user_id": BOT}


def _state(room: str, kind: str) -> Any:
    """State of a room: its content, which is also that of an event, for those who ask for the event."""
    contents: dict[str, dict[str, Any]] = {
        "m.room.create": {"creator": BOT, "room_version": "11"},
        "m.room.power_levels": {"users": {BOT: 100}, "events": {}, "users_default": 0},
    }
    content = contents.get(kind, {})
    event = {"type": kind, "state_key": "", "room_id": room, "sender": BOT, "event_id": "$s", "origin_server_ts": 1}
    return {**content, **event, "content": content}


class _Handler(BaseHTTPRequestHandler):
    homeserver: Homeserver
    protocol_version = "HTTP/1.1"

    def _any(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, answer = self.homeserver.answer(unquote(urlsplit(self.path).path), body)
        raw = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    # The base calls them by these names.
    do_GET = do_PUT = do_POST = do_DELETE = do_OPTIONS = _any  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Say nothing: the case says what went wrong."""
