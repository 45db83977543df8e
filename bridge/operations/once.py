"""What a system asks for under an idempotency key happens once, however often it is sent (A2)."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from bridge.clock import DAY_MS, now_ms
from bridge.desk import Desk
from bridge.operations.tokens import Token
from bridge.store.engine.unit import Unit
from bridge.store.people import tokens as rows

KEPT_DAYS = 1
"""How long an answer is known."""


@dataclass(frozen=True, slots=True)
class Once:
    """A request under a key."""

    key_hash: str
    """Of the token and the key."""
    cause: str
    """What operations know the request by, sent again or not."""
    is_other: bool
    """Whether something else was asked for under that key before."""
    status: int | None
    """Of the answer it had; None where it was not finished."""
    answer: str


def new_cause(token: Token) -> str:
    """What operations are to know a request by that has not come before."""
    return f"api/{token.number}/{secrets.token_hex(16)}"


async def known_cause(desk: Desk, token: Token, key: str) -> str | None:
    """What operations know the request under this key by; None where none came in a day."""
    return await desk.store.read(rows.cause_of_request, _hash_of(token, key), _oldest_kept())


async def asked_once(desk: Desk, token: Token, key: str, asked: bytes) -> Once:
    """Begin what is asked for, or find what became of it.

    One that was begun and not finished, for instance because the bridge ended, is begun again: operations know its
    cause.
    """
    key_hash = _hash_of(token, key)
    said = hashlib.sha256(asked).hexdigest()

    def work(unit: Unit) -> rows.Begun:
        rows.forget_requests(unit, _oldest_kept())
        return rows.begin_request(unit, key_hash, said, new_cause(token), now_ms())

    found = await desk.store.run(work)
    return Once(key_hash, found.cause, found.asked != said, found.status, found.answer)


async def finished(desk: Desk, once: Once, status: int, answer: str) -> None:
    """Keep the answer."""
    await desk.store.run(rows.finish_request, once.key_hash, status, answer)


async def undone(desk: Desk, once: Once) -> None:
    """Nothing was done: what comes under the key next is asked anew."""
    await desk.store.run(rows.forget_request, once.key_hash)


def _oldest_kept() -> int:
    return now_ms() - KEPT_DAYS * DAY_MS


def _hash_of(token: Token, key: str) -> str:
    return hashlib.sha256(f"{token.number}\n{key}".encode("utf-8", "surrogatepass")).hexdigest()
