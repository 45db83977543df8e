"""One request to an address that somebody named: judged where it really goes, bounded in time, followed nowhere."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from bridge.clock import seconds_asked
from bridge.firm.errors import BridgeError
from bridge.operations.webhooks.addresses import may_connect

_SECONDS: Final = 15.0
_CONNECT_SECONDS: Final = 5.0
LOOK_UPS: Final = 32
"""Names looked up at once. They have threads of their own, since a name may take long."""


@dataclass(frozen=True, slots=True)
class NotTaken:
    """Why a receiver does not have what it was sent."""

    why: str
    """A sentence."""
    asked: float = 0.0
    """The seconds for which it asks to be left alone."""


class NotAllowedThereError(BridgeError, OSError):
    """An address is in no network that webhooks may go to."""


class Sender:
    """Sends requests of webhooks."""

    def __init__(self, allowed: Sequence[str], seconds: float = _SECONDS) -> None:
        """`allowed` are networks, such as 10.0.3.0/24, that webhooks may go to although they are private; `seconds` is
        how long an answer is waited for. Inside a running loop."""
        self._look_ups = ThreadPoolExecutor(LOOK_UPS, thread_name_prefix="webhook-names")
        self._allowed = allowed
        self._timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=_CONNECT_SECONDS)
        self._sessions: dict[str, aiohttp.ClientSession] = {}

    async def close(self) -> None:
        """Close connections."""
        for session in self._sessions.values():
            await session.close()
        self._look_ups.shutdown(wait=False, cancel_futures=True)

    async def send(self, url: str, headers: Mapping[str, str], body: bytes) -> NotTaken | None:
        """Send a body; why the receiver does not have it, None where it has. Of the answer only the status counts, and
        how long a receiver asks to be left alone."""
        session = self._session("http" if url.casefold().startswith("http:") else "https")
        sent = {"Content-Type": "application/json", "User-Agent": "firm-bridge", **headers}
        try:
            async with session.post(url, data=body, headers=sent, allow_redirects=False) as answer:
                return _judged(answer.status, answer.headers.get("Retry-After", ""))
        except TimeoutError:
            return NotTaken("It did not answer in time.")
        except aiohttp.ClientConnectorCertificateError:
            return NotTaken("Its certificate is not valid.")
        except aiohttp.ClientConnectorError as error:
            if isinstance(error.os_error, NotAllowedThereError):
                return NotTaken(
                    "Its name stands for an address that webhooks do not go to (webhooks.allowed_networks)."
                )
            return NotTaken("It cannot be reached.")
        except (aiohttp.ClientError, OSError, ValueError):
            # A ValueError is an address or an answer that cannot be read.
            return NotTaken("It did not answer as HTTP has it.")

    def _session(self, scheme: str) -> aiohttp.ClientSession:
        """Made when it is first used: most firms have no webhook, and the authorities that are trusted take long to
        load."""
        if scheme not in self._sessions:
            self._sessions[scheme] = aiohttp.ClientSession(
                connector=_connector(self._allowed, self._look_ups, only_allowed=scheme == "http"),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=self._timeout,
                auto_decompress=False,
                skip_auto_headers=["Accept", "Accept-Encoding"],
            )
        return self._sessions[scheme]


def _judged(status: int, retry_after: str) -> NotTaken | None:
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return NotTaken(f"It answered {status}: webhooks follow nobody to another address.")
    return NotTaken(f"It answered {status}.", seconds_asked(retry_after) or 0.0)


def _connector(allowed: Sequence[str], pool: ThreadPoolExecutor, *, only_allowed: bool) -> aiohttp.TCPConnector:
    """Connections that are judged as they are made, by the address itself: what a name stood for a moment before, or
    for somebody else, counts for nothing."""

    def judged_socket(address: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, where = address
        if not may_connect(str(where[0]), allowed, only_allowed=only_allowed):
            raise NotAllowedThereError("not a network that webhooks go to")
        made = socket.socket(family, kind, protocol)
        made.setblocking(False)
        return made

    return aiohttp.TCPConnector(
        limit=0,
        # Made now, so that a firm's own authority may be named by SSL_CERT_FILE, as for the homeserver.
        ssl=True if only_allowed else ssl.create_default_context(),
        use_dns_cache=False,
        force_close=True,
        resolver=_Resolver(pool),
        socket_factory=judged_socket,
    )


class _Resolver(AbstractResolver):
    """Looks names up in threads of its own, each name in one at a time, so that a name that takes long keeps nobody
    else waiting."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._under_way: dict[tuple[str, int, socket.AddressFamily], asyncio.Future[list[tuple[Any, ...]]]] = {}

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name."""
        asked = host, port, family
        look = self._under_way.get(asked)
        if look is None:
            look = asyncio.get_running_loop().run_in_executor(self._pool, looked_up, host, port, family)
            self._under_way[asked] = look
            look.add_done_callback(lambda done: self._done(asked, done))
        # Whoever gives up leaves the look to the others who wait for it: its thread goes on in any case.
        found = await asyncio.shield(look)
        return [
            ResolveResult(
                hostname=host,
                host=str(where[0]),
                port=port,
                family=its_family,
                proto=protocol,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for its_family, _, protocol, _, where in found
        ]

    def _done(self, asked: tuple[str, int, socket.AddressFamily], look: asyncio.Future[Any]) -> None:
        del self._under_way[asked]
        if not look.cancelled():
            # Where nobody waits any more, nobody else takes the failure.
            look.exception()

    async def close(self) -> None:
        """The threads are the sender's."""


def looked_up(host: str, port: int, family: int) -> list[tuple[Any, ...]]:
    """The addresses of a name, as getaddrinfo gives them; it takes as long as the resolver does."""
    return list(socket.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM))
