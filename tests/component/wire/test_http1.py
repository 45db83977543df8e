"""Requests over kept connections, against a server that says byte for byte what a test wants."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from pydantic import SecretStr

from bridge.matrix import http1
from bridge.matrix.client import MatrixClient
from bridge.matrix.errors import UnreachableError
from bridge.matrix.http1 import CannotConnectError, ConnectionLostError, Connections, NotHttpError, Response
from bridge.matrix.retry import patience
from bridge.settings import AppserviceSettings, HomeserverSettings
from tests.component.wire.traffic import until
from tests.fakes.anybody import Anybody

pytestmark = pytest.mark.both_loops

TOKEN = SecretStr("token-of-the-tests-0001")
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\nContent-Length: 2\r\n\r\n{}"


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


@pytest.fixture
async def connections(server: Server, unused_tcp_port: int) -> AsyncIterator[Connections]:
    made = Connections(f"http://127.0.0.1:{unused_tcp_port}", {"Authorization": "Bearer x"}, limit=4)
    yield made
    made.close()


async def get(connections: Connections, seconds: float = 5.0) -> Response:
    return await connections.ask("GET", "/x", {}, None, seconds)


async def answered(server: Server, connections: Connections, *answers: bytes) -> list[Response]:
    """The answers to as many requests on one connection."""
    server.connections = [[*answers]]
    return [await get(connections) for _ in answers]


async def test_a_request_is_sent_as_it_should_be(
    server: Server, connections: Connections, unused_tcp_port: int
) -> None:
    server.connections = [[OK, OK]]
    answer = await connections.ask("PUT", "/a%20b?c=d", {"Content-Type": "application/json"}, b'{"e": 1}', 5.0)
    await get(connections)
    assert server.requests[0].decode().split("\r\n") == [
        "PUT /a%20b?c=d HTTP/1.1",
        f"Host: 127.0.0.1:{unused_tcp_port}",
        "Accept-Encoding: identity",
        "Authorization: Bearer x",
        "Content-Type: application/json",
        "Content-Length: 8",
        "",
        '{"e": 1}',
    ]
    assert b"Content-Length" not in server.requests[1]
    assert (answer.status, answer.content_type, answer.body) == (200, "application/json", b"{}")


async def test_a_connection_is_used_again(server: Server, connections: Connections) -> None:
    await answered(server, connections, OK, OK, OK)
    assert server.opened == 1


@pytest.mark.parametrize(
    ("said", "status", "body"),
    [
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", 200, b"abc"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", 204, b""),
        (b"HTTP/1.1 304 Not Modified\r\n\r\n", 304, b""),
        (b"HTTP/1.1 404 \r\ncontent-length:3\r\n\r\nabc", 404, b"abc"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + OK, 200, b"{}"),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n", 502, b""),
    ],
)
async def test_every_form_of_an_answer_is_read_and_another_may_follow(
    server: Server, connections: Connections, said: bytes, status: int, body: bytes
) -> None:
    first, second = await answered(server, connections, said, OK)
    assert (first.status, first.body) == (status, body)
    assert (second.status, second.body, "link" in second.headers) == (200, b"{}", False)
    assert server.opened == 1


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\n\r\n{}",
        b"HTTP/1.0 200 OK\r\nConnection: close\r\n\r\n{}",
    ],
)
async def test_an_answer_may_end_its_connection(server: Server, connections: Connections, said: bytes) -> None:
    server.connections = [[said], [OK]]
    assert [(await get(connections)).body for _ in range(2)] == [b"{}", b"{}"]
    assert server.opened == 2


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", ConnectionLostError),
        (OK[:20], ConnectionLostError),
        (OK[:-1], ConnectionLostError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n", ConnectionLostError),
        (b"SSH-2.0-OpenSSH_9.6\r\n", NotHttpError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}", NotHttpError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}", NotHttpError),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", NotHttpError),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", NotHttpError),
    ],
)
async def test_what_is_no_answer_is_said_to_be_none_and_harms_no_other(
    server: Server, connections: Connections, said: bytes, error: type[Exception]
) -> None:
    server.connections = [[said], [OK]]
    with pytest.raises(error):
        await get(connections)
    assert (await get(connections)).body == b"{}"
    assert server.opened == 2


async def test_an_answer_may_come_byte_by_byte(unused_tcp_port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for number in range(len(OK)):
            writer.write(OK[number : number + 1])
            await writer.drain()
        writer.close()

    connections = Connections(f"http://127.0.0.1:{unused_tcp_port}", {}, limit=1)
    async with await asyncio.start_server(serve, "127.0.0.1", unused_tcp_port):
        assert (await get(connections)).body == b"{}"
    connections.close()


async def test_a_large_body_goes_and_comes_whole(unused_tcp_port: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = await reader.readexactly(5_000_000)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000\r\n\r\n" + body[::-1])
        await writer.drain()
        writer.close()

    connections = Connections(f"http://127.0.0.1:{unused_tcp_port}", {}, limit=1)
    async with await asyncio.start_server(serve, "127.0.0.1", unused_tcp_port):
        body = bytes(range(250)) * 20_000
        assert (await connections.ask("POST", "/x", {}, body, 10.0)).body == body[::-1]
    connections.close()


async def test_what_follows_an_answer_unasked_is_not_taken_for_the_next_one(
    server: Server, connections: Connections
) -> None:
    timed_out = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"
    server.connections = [[OK + timed_out, None], [OK]]
    await get(connections)
    assert (await get(connections)).status == 200
    assert server.opened == 2


async def test_a_connection_that_the_server_closed_is_not_used(server: Server, connections: Connections) -> None:
    server.connections = [[OK], [OK]]
    await get(connections)
    await until(lambda: not connections.open)
    assert (await get(connections)).status == 200


async def test_a_connection_unused_for_long_is_not_used_again(
    server: Server, connections: Connections, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.connections = [[OK, OK], [OK]]
    await get(connections)
    monkeypatch.setattr(http1, "KEPT_SECONDS", 0.0)
    await get(connections)
    assert server.opened == 2


@pytest.mark.parametrize("given_up", ["late", "cancelled"])
async def test_a_connection_whose_answer_was_not_waited_for_is_not_used_again(
    server: Server, connections: Connections, given_up: str
) -> None:
    server.connections = [[None], [OK]]
    if given_up == "late":
        with pytest.raises(TimeoutError):
            await get(connections, seconds=0.05)
    else:
        asking = asyncio.create_task(get(connections))
        await server.arrived.wait()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await server.closed.wait()
    assert (await get(connections)).body == b"{}"


async def test_more_requests_than_the_limit_wait(server: Server, connections: Connections) -> None:
    server.connections = [[OK] * 20 for _ in range(4)]
    answers: Sequence[Response] = await asyncio.gather(*(get(connections) for _ in range(20)))
    assert [answer.status for answer in answers] == [200] * 20
    assert server.opened == 4


async def test_closing_ends_what_is_under_way(server: Server, connections: Connections) -> None:
    server.connections = [[None]]
    asking = asyncio.create_task(get(connections))
    await server.arrived.wait()
    connections.close()
    with pytest.raises(ConnectionLostError):
        await asking


async def test_half_an_answer_is_none_when_it_is_the_bridge_that_closes(
    server: Server, connections: Connections
) -> None:
    """Where the connection's end is the answer's end, only the server's own end counts."""
    server.connections = [[b"HTTP/1.1 200 OK\r\n\r\n{", None]]
    asking = asyncio.create_task(get(connections))
    await server.arrived.wait()
    connections.close()
    with pytest.raises(ConnectionLostError):
        await asking


async def test_a_server_that_speaks_no_http_is_said_to_do_so(server: Server, unused_tcp_port: int) -> None:
    server.connections = [[b"SSH-2.0-OpenSSH_9.6\r\n"]] * 20
    homeserver = HomeserverSettings(url=f"http://127.0.0.1:{unused_tcp_port}")
    client = MatrixClient(homeserver, AppserviceSettings(as_token=TOKEN, hs_token=TOKEN), Anybody())
    with patience(0.0), pytest.raises(UnreachableError, match=r"the answer is not HTTP; compare homeserver\.url"):
        await client.whoami()
    await client.close()


async def test_a_connection_made_while_closing_is_closed(server: Server, connections: Connections) -> None:
    server.connections = [[OK]]
    asking = asyncio.create_task(get(connections))
    # It begins to connect, which takes another turn of the loop at least.
    await asyncio.sleep(0)
    connections.close()
    with pytest.raises(ConnectionLostError):
        await asking
    await until(lambda: not connections.open)


async def test_no_connection_is_told_with_its_address(unused_tcp_port: int) -> None:
    with pytest.raises(CannotConnectError, match=f"127.0.0.1:{unused_tcp_port}"):
        await get(Connections(f"http://127.0.0.1:{unused_tcp_port}", {}, limit=1))


@pytest.mark.parametrize("target", ["/a b", "/a\r\nX: y", "/é", "x", "", "/a\0"])
async def test_a_target_that_would_be_more_than_one_is_refused(connections: Connections, target: str) -> None:
    with pytest.raises(ValueError, match="target"):
        await connections.ask("GET", target, {}, None, 5.0)


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\n", "é", "a\0"])
async def test_a_header_that_would_be_more_than_one_is_refused(connections: Connections, value: str) -> None:
    with pytest.raises(ValueError, match="X-Given"):
        await connections.ask("GET", "/x", {"X-Given": value}, None, 5.0)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://matrix.firm.example", "matrix.firm.example", 443),
        ("http://[::1]:8008/base", "[::1]:8008", 8008),
        ("http://müller.example", "xn--mller-kva.example", 80),
    ],
)
async def test_the_address_is_read(url: str, host: str, port: int) -> None:
    connections = Connections(url, {}, limit=1)
    assert f"Host: {host}\r\n" in connections.headers
    assert connections.port == port
    assert (connections.tls is not None) is url.startswith("https")


def certificate(folder: Path) -> Path:
    """The file of a certificate for 127.0.0.1 and its key, by no known authority."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homeserver")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "certificate.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return file


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_has_to_be_trusted(
    tmp_path: Path, unused_tcp_port: int, monkeypatch: pytest.MonkeyPatch, trusted: bool
) -> None:
    server, url = Server(), f"https://127.0.0.1:{unused_tcp_port}"
    server.connections = [[OK, OK]]
    file = certificate(tmp_path)
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(file))
    async with await asyncio.start_server(server.serve, "127.0.0.1", unused_tcp_port, ssl=serving):
        if trusted:
            connections = Connections(url, {}, limit=1)
            assert [(await get(connections)).status for _ in range(2)] == [200, 200]
            connections.close()
        else:
            client = MatrixClient(
                HomeserverSettings(url=url), AppserviceSettings(as_token=TOKEN, hs_token=TOKEN), Anybody()
            )
            with (
                patience(0.0),
                pytest.raises(UnreachableError, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted"),
            ):
                await client.whoami()
            await client.close()
