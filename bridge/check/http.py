"""Requests of `check` to the homeserver: one try each, any answer is a result, also a refusal."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import orjson
from yarl import URL

from bridge.guard.protocol import SIGNATURE_HEADER

Json = dict[str, Any]
_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. Its status is 0 where none came, and `error` then says why."""

    status: int
    body: Json = field(default_factory=dict)
    reason: str = ""
    date: str = ""
    """The Date header."""

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    @property
    def errcode(self) -> str:
        """The Matrix error code; empty where there is none."""
        return str(self.body.get("errcode", ""))

    @property
    def error(self) -> str:
        """What went wrong, in the words of the homeserver or of the connection."""
        return self.reason or str(self.body.get("error", "")) or f"answer {self.status}"


class Asker:
    """Asks one homeserver."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url.rstrip("/")

    async def ask(
        self, method: str, path: str, token: str = "", body: Json | None = None, *, signature: str = "", **query: str
    ) -> Reply:
        """Send one request. `path` is encoded already; `query` is not. The `signature` is for the guard."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if signature:
            headers[SIGNATURE_HEADER] = signature
        url = URL(self._url + path, encoded=True).update_query(query)
        try:
            async with self._session.request(method, url, json=body, headers=headers, allow_redirects=False) as answer:
                return Reply(answer.status, _json(await answer.read()), date=answer.headers.get("Date", ""))
        except TimeoutError:
            return Reply(0, reason=f"no answer within {_SECONDS:.0f} seconds")
        except aiohttp.ClientError as error:
            return Reply(0, reason=str(error) or type(error).__name__)


@asynccontextmanager
async def asker(url: str) -> AsyncIterator[Asker]:
    """An Asker for the homeserver at this address, closed at the end."""
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    async with aiohttp.ClientSession(
        timeout=timeout, json_serialize=lambda body: orjson.dumps(body).decode()
    ) as session:
        yield Asker(session, url)


def _json(raw: bytes) -> Json:
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return {}
    return body if isinstance(body, dict) else {}
