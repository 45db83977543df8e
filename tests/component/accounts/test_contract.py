"""What is done with an account comes to the same wherever it is kept (F2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.component.accounts.kept import ANN, Kept, by_mas, by_synapse

PROFILE = {"displayname": "Ann Archer", "threepids": [{"medium": "email", "address": "ann@firm.example"}]}


@pytest.fixture(params=[by_synapse, by_mas], ids=["synapse", "mas"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    """Where accounts are kept, with Ann's."""
    async with request.param(tmp_path) as found:
        await found.client.admin_put_user(ANN, PROFILE)
        yield found


async def test_an_account_is_made_once_and_shown(kept: Kept) -> None:
    assert await kept.client.admin_user("@nobody:localhost") is None
    await kept.client.admin_put_user(ANN, {"displayname": "Ann Booth"})
    shown = await kept.client.admin_user(ANN)
    assert shown is not None
    assert (shown["displayname"], shown["locked"], shown["deactivated"], shown["admin"]) == (
        "Ann Booth",
        False,
        False,
        False,
    )
    assert shown["threepids"] == PROFILE["threepids"]


async def test_F2_a_locked_account_can_be_unlocked(kept: Kept) -> None:
    for _ in range(2):
        await kept.client.lock(ANN)
    assert (await kept.client.admin_user(ANN) or {})["locked"]
    await kept.client.unlock(ANN)
    assert not (await kept.client.admin_user(ANN) or {})["locked"]


async def test_F2_every_session_ends(kept: Kept) -> None:
    tokens = [await kept.sign_in("ONE"), await kept.sign_in("TWO")]
    assert set(await kept.client.admin_device_ids(ANN)) == {"ONE", "TWO"}
    for _ in range(2):
        await kept.client.delete_devices(ANN)
    assert await kept.client.admin_device_ids(ANN) == []
    assert kept.mas is None or [kept.mas.records.whose(token) for token in tokens] == [None, None]


async def test_F2_an_account_is_ended_and_taken_back(kept: Kept) -> None:
    await kept.client.lock(ANN)
    await kept.client.deactivate(ANN)
    ended = await kept.client.admin_user(ANN) or {}
    assert ended["deactivated"]
    await kept.client.reactivate(ANN)
    await kept.client.unlock(ANN)
    back = await kept.client.admin_user(ANN) or {}
    assert not back["deactivated"] and not back["locked"]


@pytest.mark.parametrize("ends", [True, False])
async def test_a_password_is_set_and_ends_sessions_where_asked(kept: Kept, ends: bool) -> None:
    await kept.sign_in("ONE")
    await kept.client.set_password(ANN, "walnut-river-42", end_sessions=ends)
    assert kept.password == "walnut-river-42"
    if kept.mas is not None:
        assert bool(await kept.client.admin_device_ids(ANN)) is not ends
