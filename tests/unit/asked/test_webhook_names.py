"""Names of receivers are looked up without one keeping another waiting, and judged by how they are told (A3)."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import Any

import pytest

from bridge.webhooks import sending


async def test_A3_a_name_that_takes_long_takes_one_thread_and_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked, go = list[str](), threading.Event()

    def looked_up(host: str, port: int, family: int) -> list[tuple[Any, ...]]:
        asked.append(host)
        if host == "slow.example":
            go.wait(60)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(sending, "looked_up", looked_up)
    monkeypatch.setattr(sending, "LOOK_UPS", 2)
    sender = sending.Sender(())
    try:
        slow = [asyncio.create_task(sender.send("https://slow.example/", {}, b"")) for _ in range(4)]
        while not asked:  # noqa: ASYNC110 - a thread tells nobody that it began
            await asyncio.sleep(0)
        # One that gives up leaves the look to the others.
        slow[0].cancel()
        assert "do not go to" in str(await sender.send("https://well.example/", {}, b""))
        assert asked == ["slow.example", "well.example"]
        go.set()
        assert all("do not go to" in str(one) for one in await asyncio.gather(*slow[1:]))
        assert asked == ["slow.example", "well.example"]
    finally:
        go.set()
        await sender.close()


async def test_A3_without_tls_only_allowed_networks_are_told_however_the_address_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    only_allowed_ones = list[bool]()

    def judged(address: str, allowed: object, *, only_allowed: bool) -> bool:
        only_allowed_ones.append(only_allowed)
        return False

    monkeypatch.setattr(sending, "looked_up", lambda host, port, family: [(family, 1, 6, "", ("127.0.0.1", port))])
    monkeypatch.setattr(sending, "may_connect", judged)
    sender = sending.Sender(("10.0.3.0/24",))
    try:
        for url, only_allowed in (
            ("https://well.example/", False),
            ("http://well.example/", True),
            ("HTTP://well.example/", True),
        ):
            assert "do not go to" in str(await sender.send(url, {}, b""))
            assert set(only_allowed_ones) == {only_allowed}, url
            only_allowed_ones.clear()
    finally:
        await sender.close()
