"""What goes wrong between the bridge and MAS: said, tried again where that helps, and never taken for an answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge.matrix.accounts import mas as adapter
from bridge.matrix.errors import (
    AccountsAwayError,
    AccountsRefusedError,
    ForbiddenError,
    HomeserverError,
    UnreachableError,
)
from tests.component.accounts.kept import ANN, Kept, by_mas
from tests.fakes.faults import DROP_AFTER, DROP_BEFORE, Answer, Slow, bad_gateway
from tests.fakes.mas.service import FakeMas

BY_NAME = "GET .*/by-username/ann"
LOCK = "POST .*/lock$"
BY_SYNAPSE = Answer(404, b'{"errcode": "M_UNRECOGNIZED", "error": "Unrecognized request"}')
"""What is said at the admin API's paths where a proxy leads them to Synapse."""


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    """Accounts that MAS keeps, with Ann's."""
    async with by_mas(tmp_path) as found:
        await found.client.admin_put_user(ANN, {"displayname": "Ann"})
        yield found


def mas_of(kept: Kept) -> FakeMas:
    assert kept.mas is not None
    return kept.mas


def told(title: str, status: int, **headers: str) -> Answer:
    return Answer(status, orjson.dumps({"errors": [{"title": title}]}), headers=headers)


def of_another() -> Answer:
    said = {"username": "ben", "created_at": "2026-11-30T09:00:00Z", "admin": False, "legacy_guest": False}
    return Answer(
        200, orjson.dumps({"data": {"type": "user", "id": "01J", "attributes": said, "links": {}}, "links": {}})
    )


async def test_a_token_that_is_taken_no_more_is_replaced(kept: Kept) -> None:
    mas_of(kept).access.clear()
    await kept.client.lock(ANN)
    assert mas_of(kept).records.user("ann").locked


async def test_a_token_is_kept_while_it_lasts_and_not_used_after(tmp_path: Path) -> None:
    async with by_mas(tmp_path) as kept:
        mas_of(kept).token_seconds = 3600
        await asyncio.gather(*(kept.client.admin_put_user(f"@u{n}:localhost", {}) for n in range(5)))
        assert mas_of(kept).asked.count("POST /oauth2/token") == 1
    async with by_mas(tmp_path) as kept:
        mas_of(kept).token_seconds = -5
        await kept.client.admin_put_user(ANN, {})
        mas_of(kept).access.clear()
        await kept.client.lock(ANN)


@pytest.mark.parametrize(
    "passing",
    [
        (told("slow down", 429, **{"Retry-After": "0"}),),
        (told("internal", 500), bad_gateway()),
        (DROP_BEFORE, DROP_AFTER),
        (Answer(404, b"<html>Not Found</html>", "text/html"),),
    ],
    ids=["429", "5xx", "lost", "proxy"],
)
@pytest.mark.parametrize("what", [BY_NAME, LOCK])
async def test_what_passes_is_tried_again(kept: Kept, what: str, passing: tuple[Any, ...]) -> None:
    mas_of(kept).script(what, *passing)
    await kept.client.lock(ANN)
    assert mas_of(kept).records.user("ann").locked
    assert kept.client.accounts_trouble == ""


@pytest.mark.parametrize(
    "answer",
    [
        Answer(404, b"<html>Not Found</html>", "text/html"),
        Answer(200, b"[]"),
        Answer(200, b'{"data": null}'),
        Answer(200, b"{" + b" " * (5 << 20) + b"}"),
        Answer(302, b"{}", headers={"Location": "http://elsewhere.invalid/"}),
        of_another(),
        told("internal", 503),
        BY_SYNAPSE,
        Answer(404, b'{"errors": [{"title": null}]}'),
    ],
    ids=["proxy", "list", "nothing", "huge", "redirect", "another", "5xx", "synapse", "untitled"],
)
async def test_F2_no_answer_is_not_taken_for_nobody(tmp_path: Path, answer: Answer) -> None:
    async with by_mas(tmp_path, deadline=0.2) as kept:
        mas_of(kept).script(BY_NAME, *[answer] * 200)
        with pytest.raises(AccountsAwayError):
            await kept.client.admin_user(ANN)


@pytest.mark.parametrize(
    "answer",
    [BY_SYNAPSE, replace(BY_SYNAPSE, status=409), Answer(200, b'{"versions": []}'), Answer(200, b"{}"), Answer(200)],
    ids=["404", "409", "200", "empty", "nothing"],
)
@pytest.mark.parametrize("where", ["/api/admin/", "POST /api/admin/"])
async def test_F2_nothing_counts_as_done_where_another_answers_for_mas(
    tmp_path: Path, where: str, answer: Answer
) -> None:
    async with by_mas(tmp_path, deadline=0.2) as kept:
        await kept.client.admin_put_user(ANN, {})
        await kept.sign_in("ONE")
        mas_of(kept).script(where, *[answer] * 200)
        emails = {"threepids": [{"medium": "email", "address": "ann@firm.example"}]}
        write = partial(kept.client.admin_put_user, body=emails)
        for wanted in (kept.client.lock, kept.client.delete_devices, kept.client.deactivate, write):
            with pytest.raises(AccountsAwayError, match=r"mas\.url"):
                await wanted(ANN)
            assert "mas.url" in kept.client.accounts_trouble


async def test_one_that_does_not_answer_is_given_up_in_time(tmp_path: Path) -> None:
    async with by_mas(tmp_path, deadline=0.2) as kept:
        never = asyncio.Event()
        mas_of(kept).script("GET .*/site-config", *[Slow(never)] * 9)
        with pytest.raises(AccountsAwayError, match="no answer"):
            await kept.client.admin_user(ANN)
        never.set()


async def test_F2_one_that_keeps_the_accounts_of_another_server_is_not_used(tmp_path: Path) -> None:
    async with by_mas(tmp_path) as kept:
        mas_of(kept).records.add_user("ann")
        mas_of(kept).records.server_name = "another.example"
        for wanted in (kept.client.lock(ANN), kept.client.deactivate(ANN), kept.client.admin_put_user(ANN, {})):
            with pytest.raises(AccountsAwayError, match=r"another\.example"):
                await wanted
        assert [one for one in mas_of(kept).asked if "users" in one] == []
        assert "another.example" in kept.client.accounts_trouble


async def test_who_is_not_let_in_says_what_to_do_and_goes_on_with_another_secret(tmp_path: Path) -> None:
    async with by_mas(tmp_path) as kept:
        file = tmp_path / "mas-secret"
        right = file.read_text()
        for wrong in ("hunter2-hunter2", "", None):
            file.unlink() if wrong is None else file.write_text(wrong)
            with pytest.raises(AccountsRefusedError, match="client_secret_file") as refused:
                await kept.client.admin_user(ANN)
            assert "hunter2" not in str(refused.value)
        file.write_text(right)
        mas_of(kept).admin_clients = False
        with pytest.raises(AccountsRefusedError, match="admin_clients"):
            await kept.client.admin_user(ANN)
        mas_of(kept).admin_clients = True
        assert await kept.client.admin_user(ANN) is None


async def test_a_token_that_is_never_taken_ends_with_a_sentence(kept: Kept) -> None:
    mas_of(kept).script("/api/admin/", *[told("Unknown access token", 401)] * 9)
    with pytest.raises(AccountsRefusedError, match="just given"):
        await kept.client.lock(ANN)


async def test_F2_all_pages_of_sessions_are_ended_and_no_other_place_is_asked(kept: Kept) -> None:
    mas = mas_of(kept)
    tokens = [
        mas.records.sign_in("ann", kind=kind) for kind in ("oauth2-session", "compat-session") for _ in range(130)
    ]
    mas.records.sign_in("ann", kind="user-session")
    await kept.client.delete_devices(ANN)
    assert mas.records.open_sessions("ann") == []
    assert {mas.records.whose(token) for token in tokens} == {None}


async def test_a_list_that_never_ends_is_given_up(kept: Kept) -> None:
    mas = mas_of(kept)
    mas.records.sign_in("ann")
    (session,) = mas.records.open_sessions("ann")
    entry = {"type": "oauth2-session", "id": session.id, "attributes": session.shown(), "links": {"self": ""}}
    page = {"data": [entry], "links": {"self": "", "next": "?page"}}
    mas.script("GET .*/oauth2-sessions", *[Answer(200, orjson.dumps(page))] * 9)
    with pytest.raises(AccountsAwayError):
        await kept.client.admin_device_ids(ANN)


async def test_F2_sessions_end_in_synapse_where_mas_is_down(kept: Kept) -> None:
    await kept.sign_in("ONE")
    mas_of(kept).down = True
    with pytest.raises(UnreachableError):
        await kept.client.delete_devices(ANN)
    assert kept.fake.accounts[ANN].devices == set()
    assert kept.client.accounts_trouble


async def test_F2_an_end_of_which_synapse_is_not_told_is_made_there_too(
    kept: Kept, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "CLOSING_SECONDS", 0.1)
    mas_of(kept).working.clear()
    mas_of(kept).records.user("ann").deactivated = True
    # Half of it is neither gone nor whole.
    assert (await kept.client.admin_user(ANN) or {})["locked"]
    await kept.client.deactivate(ANN)
    assert (await kept.client.admin_user(ANN) or {})["deactivated"]


async def test_the_bots_token_is_replaced_where_it_was_revoked(kept: Kept) -> None:
    (session,) = mas_of(kept).records.open_sessions("bot")
    session.finished = True
    assert await kept.client.admin_memberships(ANN) == {}


async def test_the_bots_token_that_synapse_does_not_take_is_said(kept: Kept) -> None:
    mas_of(kept).records.user("bot").locked = True
    with pytest.raises(AccountsRefusedError, match=r"mas\.url"):
        await kept.client.admin_memberships(ANN)


async def test_the_bots_token_is_given_back_at_the_end(tmp_path: Path) -> None:
    async with by_mas(tmp_path) as kept:
        await kept.client.admin_put_user(ANN, {})
        mas = mas_of(kept)
    assert [one.finished for one in mas.records.sessions.values()] == [True]


async def test_passwords_that_mas_does_not_give_are_refused(kept: Kept) -> None:
    mas_of(kept).records.passwords = False
    with pytest.raises(ForbiddenError, match="disabled"):
        await kept.client.set_password(ANN, "walnut-river-42", end_sessions=False)


async def test_F3_addresses_and_links_are_the_directorys(kept: Kept) -> None:
    provider, other = "01J00000000000000000000001", "01J00000000000000000000002"
    links = [{"auth_provider": provider, "external_id": "s-1"}]

    async def write(address: str) -> None:
        emails = [{"medium": "email", "address": address}]
        await kept.client.admin_put_user(ANN, {"threepids": emails, "external_ids": links})

    records = mas_of(kept).records
    await write("ann@old.example")
    records.links["01J0000000000000000000000X"] = {
        "created_at": "2026-11-30T09:00:00Z",
        "user_id": records.user("ann").id,
        "provider_id": other,
        "subject": "own",
    }
    links[0]["external_id"] = "s-2"
    for _ in range(2):
        await write("Ann@new.example")
    assert [one["email"] for one in records.emails.values()] == ["Ann@new.example"]
    assert {(one["provider_id"], one["subject"]) for one in records.links.values()} == {
        (provider, "s-2"),
        (other, "own"),
    }


async def test_a_name_that_mas_does_not_take_is_an_error_of_that_account(kept: Kept) -> None:
    with pytest.raises(HomeserverError, match="not valid"):
        await kept.client.admin_put_user("@Ann Archer:localhost", {})
