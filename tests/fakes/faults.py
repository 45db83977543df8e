"""What can go wrong between the bridge and the homeserver, as values to script the fake with."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Answer:
    """Do nothing and answer so."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Drop:
    """Close the connection without an answer, with or without having done what was asked."""

    act: bool


@dataclass(frozen=True)
class Duplicate:
    """Do it twice, as when a proxy repeats a request, and give the second answer."""


@dataclass(frozen=True)
class Slow:
    """Answer only when `until` is set, however long the client waits; do what was asked before that or after."""

    until: asyncio.Event
    act_first: bool = False
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the request is there."""
    done: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when it was done and the answer is about to be given, whether or not anybody waits for it."""


@dataclass(frozen=True)
class Cut:
    """Do it, and close the connection when so many bytes of the answer were sent."""

    after: int


Behaviour = Answer | Cut | Drop | Duplicate | Slow


@dataclass(frozen=True)
class Broken:
    """Something that stays broken: every request that has a match for `what` meets `how`.

    A request is looked at as "METHOD path as user_id", decoded.
    """

    what: str
    how: Behaviour


DROP_BEFORE = Drop(act=False)
DROP_AFTER = Drop(act=True)
DUPLICATE = Duplicate()


def too_many_in_body(milliseconds: int) -> Answer:
    """429 that says in its body how long to wait."""
    body = b'{"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests", "retry_after_ms": %d}' % milliseconds
    return Answer(429, body)


def too_many_in_header(seconds: int) -> Answer:
    """429 that says in the header Retry-After how long to wait."""
    body = b'{"errcode": "M_LIMIT_EXCEEDED", "error": "Too many requests"}'
    return Answer(429, body, headers={"Retry-After": str(seconds)})


def bad_gateway() -> Answer:
    """502 with a page, as a proxy answers while the homeserver restarts."""
    return Answer(502, b"<html><body>Bad Gateway</body></html>", "text/html")


def refusal(status: int, errcode: str, error: str = "No") -> Answer:
    """An error as the homeserver gives it."""
    return Answer(status, b'{"errcode": "%s", "error": "%s"}' % (errcode.encode(), error.encode()))
