"""The way out to the homeserver, against a server that says byte for byte what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from bridge.matrix.connection import Connection
from bridge.matrix.errors import UnreachableError
from bridge.matrix.retry import PassingError, patience
from bridge.settings import AppserviceSettings, HomeserverSettings
from tests.certificates import certificate

pytestmark = pytest.mark.both_loops

TOKEN = SecretStr("token-of-the-tests-0001")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"
LOST = "the connection was lost"
NOT_HTTP = r"the answer is not HTTP; compare homeserver\.url"


class Server:
    """Answers the requests of each connection with the bytes scripted for it, and closes it where they run out."""

    def __init__(self) -> None:
        self.connections: list[list[bytes | None]] = []
        """What each connection answers; None keeps silent and waits for the other side to close."""
        self.requests: list[bytes] = []
        self.opened = 0
        self.closed = asyncio.Event()
        self.arrived = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers = self.connections[self.opened]
        self.opened += 1
        for answer in answers:
            head = await reader.readuntil(b"\r\n\r\n")
            length = next((int(line[15:]) for line in head.split(b"\r\n") if line.startswith(b"Content-Length")), 0)
            self.requests.append(head + await reader.readexactly(length))
            self.arrived.set()
            if answer is None:
                await reader.read()
                break
            writer.write(answer)
            await writer.drain()
        writer.close()
        self.closed.set()


@pytest.fixture
async def server(unused_tcp_port: int) -> AsyncIterator[Server]:
    made = Server()
    async with await asyncio.start_server(made.serve, "127.0.0.1", unused_tcp_port):
        yield made


def connection_to(url: str, seconds: float = 5.0) -> Connection:
    homeserver = HomeserverSettings(url=url, request_timeout=seconds)
    return Connection(homeserver, AppserviceSettings(as_token=TOKEN, hs_token=TOKEN))


@pytest.fixture
async def connection(server: Server, unused_tcp_port: int) -> AsyncIterator[Connection]:
    made = connection_to(f"http://127.0.0.1:{unused_tcp_port}/base")
    yield made
    await made.close()


async def get(connection: Connection) -> object:
    """The answer, decoded, of one request that is not repeated."""
    with patience(0.0):
        return await connection.ask(("GET", "/x"), None)


async def drop(_: bytes) -> None:
    """Take a piece of a download."""


async def test_a_request_is_sent_as_it_should_be(server: Server, connection: Connection, unused_tcp_port: int) -> None:
    server.connections = [[OK, OK]]
    answer = await connection.ask(("PUT", "/a%20b?c=d", b'{"e": 1}'), "@ann:b.example")
    await get(connection)
    line, *headers = server.requests[0].decode().split("\r\n")
    assert line == "PUT /base/a%20b?c=d&user_id=%40ann%3Ab.example HTTP/1.1"
    assert sorted(headers[: headers.index("")], key=str.casefold) == [
        "Accept-Encoding: identity",
        "Accept: */*",
        "Authorization: Bearer token-of-the-tests-0001",
        "Content-Length: 8",
        "Content-Type: application/json",
        f"Host: 127.0.0.1:{unused_tcp_port}",
        "User-Agent: firm-bridge",
    ]
    assert headers[-1] == '{"e": 1}'
    assert answer == {}
    assert b"Content-Length" not in server.requests[1]


async def test_R1_nothing_is_asked_before_it_may_be(server: Server, unused_tcp_port: int) -> None:
    away = UnreachableError("GET /x", 0, "M_UNKNOWN", "another process may have taken over")
    verdicts: list[Exception | None] = [PassingError(away), None, away]

    def before() -> None:
        if (verdict := verdicts.pop(0)) is not None:
            raise verdict

    server.connections = [[OK]]
    homeserver = HomeserverSettings(url=f"http://127.0.0.1:{unused_tcp_port}")
    made = Connection(homeserver, AppserviceSettings(as_token=TOKEN, hs_token=TOKEN), before=before)
    assert await made.ask(("GET", "/x"), None) == {}
    with pytest.raises(UnreachableError, match="taken over"):
        await made.ask(("GET", "/x"), None)
    assert (verdicts, len(server.requests)) == ([], 1)
    await made.close()


async def test_a_connection_is_used_again(server: Server, connection: Connection) -> None:
    server.connections = [[OK, OK, OK]]
    assert [await get(connection) for _ in range(3)] == [{}, {}, {}]
    assert server.opened == 1


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (OK[:-1], LOST),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n", LOST),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}", NOT_HTTP),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", NOT_HTTP),
    ],
)
async def test_what_is_no_answer_is_said_to_be_none_and_harms_no_other(
    server: Server, connection: Connection, said: bytes, why: str
) -> None:
    server.connections = [[said], [OK]]
    with pytest.raises(UnreachableError, match=why):
        await get(connection)
    assert await get(connection) == {}
    assert server.opened == 2


async def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_one(
    server: Server, connection: Connection
) -> None:
    timed_out = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    server.connections = [[OK + timed_out, None], [OK]]
    await get(connection)
    assert await get(connection) == {}
    assert server.opened == 2


@pytest.mark.parametrize("given_up", ["late", "cancelled"])
async def test_an_answer_that_was_not_waited_for_is_no_other_requests(
    server: Server, unused_tcp_port: int, given_up: str
) -> None:
    connection = connection_to(f"http://127.0.0.1:{unused_tcp_port}", 0.2 if given_up == "late" else 5.0)
    server.connections = [[None], [OK]]
    asking = asyncio.create_task(get(connection))
    await server.arrived.wait()
    if given_up == "late":
        with pytest.raises(UnreachableError, match="no answer within"):
            await asking
    else:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await server.closed.wait()
    assert await get(connection) == {}
    await connection.close()


async def test_no_connection_is_told_with_its_address(unused_tcp_port: int) -> None:
    connection = connection_to(f"http://127.0.0.1:{unused_tcp_port}")
    with pytest.raises(UnreachableError, match=f"cannot connect to 127.0.0.1:{unused_tcp_port}"):
        await get(connection)
    await connection.close()


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/é", "/a\0", "/a#b"])
async def test_a_target_that_would_be_sent_as_another_is_refused(connection: Connection, path: str) -> None:
    with pytest.raises(ValueError, match="target"):
        await connection.ask(("GET", path), None)
    with pytest.raises(ValueError, match="target"):
        await connection.stream(("GET", path), "@bot:firm.example", drop)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\0"])
async def test_a_header_that_would_be_more_than_one_is_refused(connection: Connection, value: str) -> None:
    with pytest.raises(ValueError, match="header"):
        await connection.ask(("GET", "/x"), None, signature=value)


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_has_to_be_trusted(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    server, connection = Server(), connection_to(f"https://127.0.0.1:{unused_tcp_port}")
    server.connections = [[OK, OK]]
    file = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with await asyncio.start_server(server.serve, "127.0.0.1", unused_tcp_port, ssl=serving):
        if trusted:
            assert [await get(connection) for _ in range(2)] == [{}, {}]
        else:
            with pytest.raises(UnreachableError, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted \(self"):
                await get(connection)
        await connection.close()
