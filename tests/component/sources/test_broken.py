"""A Smokeball that answers some things wrongly: the rest goes on, and nobody comes back or in by it (S1, S2, S3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from bridge.check.sources import policy_finding
from bridge.clock import now_ms
from bridge.directory.smokeball.hosts import client_of
from bridge.directory.smokeball.policies import ALL_MATTERS
from bridge.directory.sources import asking
from bridge.directory.sources.port import Hint, SourceError
from bridge.directory.sources.tokens import ask_for_tokens
from bridge.firm.model import MatterStatus
from bridge.store.engine.store import Store
from tests.component.sources.connected import connected, settings_for
from tests.component.sources.test_smokeball import small_firm
from tests.fakes.smokeball import FakeSmokeball, link, uuid


@pytest.mark.parametrize(("status", "body"), [(400, {}), (500, {}), (200, [1]), (200, {"roles": ["x"]})])
async def test_S2_a_hint_that_cannot_be_read_back_keeps_nobody_in(
    store: Store, tmp_path: Path, status: int, body: Any
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, _ = small_firm(one.fake)
        await one.settled()
        one.fake.answers = {f"/matters/{uuid(77)}": (status, body), f"/matters/{uuid(77)}/roles": (status, body)}
        one.reader.hint(Hint("matters", uuid(77)))
        one.fake.world.staff[ben]["former"] = True
        one.fake.settle()
        await one.look(3)
        assert one.directory.firm.active_staff == {ann}


async def test_S2_a_matter_that_cannot_be_read_keeps_its_deny_list_and_others_go_on(
    store: Store, tmp_path: Path
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        second = one.fake.matter(2, personResponsible=link(ann))
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, True]
        one.fake.answers = {f"/policies/{first}": (400, {})}
        one.fake.world.policies[second] = [one.fake.user_of(ben)]
        await one.settled()
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, False]
        assert one.sees(ann, first)


async def test_S3_a_former_user_who_is_listed_no_longer_stays_former(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, _ = small_firm(one.fake)
        one.fake.world.users[one.fake.user_of(ben)]["isFormerUser"] = True
        await one.settled()
        answers: tuple[tuple[int, Any], ...] = ((404, {}), (200, {}), (200, [{"staffId": ben}]), (200, []))
        for status, body in answers:
            one.fake.answers = {"/firmusers": (status, body)}
            await one.look()
            assert one.directory.firm.active_staff == {ann}
            assert bool(one.reader.trouble) == (body != [])


async def test_S3_yes_and_no_may_be_texts_and_numbers(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        for said, left in (("false", False), ("True", True), (0, False), (1, True)):
            one.fake.world.users[one.fake.user_of(ben)]["isFormerUser"] = said
            one.fake.answers = {f"/matters/{matter}/archive": (200, {"id": matter, "isArchived": said})}
            await one.settled()
            firm = one.directory.firm
            assert firm.active_staff == ({ann} if left else {ann, ben})
            assert firm.matters[matter].status is (MatterStatus.CLOSED if left else MatterStatus.OPEN)


@pytest.mark.parametrize("path", ["/staff", "/groups", "/matters", "/contacts"])
@pytest.mark.parametrize("listed", [["x"], [{"id": 1}], "x", {}])
async def test_S1_a_list_that_is_none_is_said_and_leaves_the_firm(
    store: Store, tmp_path: Path, path: str, listed: Any
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        one.fake.answers = {path: (200, {"value": listed})}
        await one.look()
        assert "not what its description says" in one.reader.trouble
        assert one.directory.firm.active_staff == {ann, ben}
        assert one.sees(ben, matter)


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "a\u202eb", "title": None},
        {"title": "\u200b"},
        {"title": "a\x01b", "number": "n" * 200, "clientCode": "c" * 300},
        {"openedDate": "2020-13-45", "closedDate": 7},
    ],
)
async def test_S3_what_somebody_typed_into_a_matter_of_smokeballs_keeps_no_leaver_in(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        cat, dot = one.fake.person(3, "Cat"), one.fake.person(4, "Dot", email="dot at home", colorFill="reddish")
        await one.settled()
        assert one.directory.firm.active_staff == {ann, ben, cat}
        second = one.fake.matter(2, clients=[link(one.fake.contact(2, "Bright\u202ewater"))], **wrong)
        one.fake.world.staff[ann] |= {"lastName": "f" * 200, "phone": {"number": "\u202e1"}, "colorFill": "reddish"}
        one.fake.world.staff[dot]["email"] = one.fake.world.staff[cat]["email"].upper()
        one.fake.world.staff[ben]["former"] = True
        one.fake.settle()
        await one.look()
        firm = one.directory.firm
        assert one.reader.trouble == ""
        assert firm.active_staff == {ann, cat}
        assert firm.matters[second].client == "Brightwater"
        assert one.sees(ann, first)


async def test_tokens_are_asked_for_at_one_host_alone(tmp_path: Path) -> None:
    asked: list[str] = []

    async def elsewhere(request: web.Request) -> web.Response:
        asked.append(await request.text())
        return web.json_response({"access_token": "a"})

    async def leads_away(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("/elsewhere")

    app = web.Application()
    app.add_routes([web.post("/oauth2/token", leads_away), web.post("/elsewhere", elsewhere)])
    async with TestServer(app) as server:
        settings = settings_for(str(server.make_url("")).rstrip("/"), tmp_path)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(SourceError):
                await ask_for_tokens(
                    session, client_of(settings), {"grant_type": "refresh_token", "refresh_token": "r"}
                )
    assert asked == []


@pytest.mark.parametrize("lasts", ["1e308", "18446744073709551615", "-1", "0", '"3600"', "null"])
async def test_a_token_lasts_a_year_at_most_whatever_is_said(tmp_path: Path, lasts: str) -> None:
    async def token(request: web.Request) -> web.Response:
        body = f'{{"access_token": "a", "expires_in": {lasts}}}'
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.add_routes([web.post("/oauth2/token", token)])
    async with TestServer(app) as server, aiohttp.ClientSession() as session:
        settings = settings_for(str(server.make_url("")).rstrip("/"), tmp_path)
        given = await ask_for_tokens(session, client_of(settings), {"grant_type": "client_credentials"})
    assert now_ms() < given.until <= now_ms() + 365 * 86_400_000


async def test_S1_an_answer_without_end_is_not_read_to_its_end(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, _ = small_firm(one.fake)
        await one.settled()
        monkeypatch.setattr(asking, "LARGEST", 100)
        await one.look()
        assert "larger than 100 bytes" in one.reader.trouble
        assert one.directory.firm.active_staff == {ann, ben}


@pytest.mark.parametrize("status", [403, 500, 503])
async def test_M3_one_matter_that_always_fails_keeps_no_deny_list_of_others_waiting(
    store: Store, tmp_path: Path, status: int
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        second, third = one.fake.matter(2, personResponsible=link(ann)), one.fake.matter(3)
        one.fake.world.policies[third] = []
        await one.settled()
        one.fake.answers = {f"/policies/{first}": (status, {})}
        one.fake.world.policies[second] = [one.fake.user_of(ben)]
        one.fake.settle()
        # Whatever of it is looked at alone, and with others.
        one.reader.hint(Hint("matters", first))
        await one.look()
        one.reader.hint(Hint("matters", first))
        one.reader.hint(Hint("matters", second))
        await one.look(3)
        assert [one.sees(ben, first), one.sees(ann, first), one.sees(ben, second)] == [False, True, False]
        one.fake.world.policies[third] = [one.fake.user_of(ben)]
        await one.settled()
        assert [one.sees(ben, third), one.sees(ann, third), one.reader.trouble] == [False, True, ""]


async def test_S1_where_all_policies_fail_no_matter_is_shut_and_the_hints_come_last(
    store: Store, tmp_path: Path
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        second = one.fake.matter(2, personResponsible=link(ann))
        one.fake.world.policies[second] = []
        await one.settled()
        people = [one.fake.user_of(each) for each in (ann, ben)]
        one.fake.answers = {f"/policies/{each}": (500, {}) for each in (first, second, "matters", *people)}
        one.reader.hint(Hint("matters", first))
        one.now[0] += one.settings.policy_minutes * 60_000
        for _ in range(5):
            one.now[0] += 31_000
            await one.reader.run()
        await one.directory.refresh()
        assert "answers 500" in one.reader.trouble
        assert [one.sees(ben, first), one.sees(ben, second)] == [True, True]
        one.fake.answers.clear()
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        one.fake.settle()
        await one.look(2)
        assert [one.reader.trouble, one.sees(ben, first), one.sees(ann, first)] == ["", False, True]


@pytest.mark.parametrize("status", [400, 403, 500])
async def test_S1_M3_while_the_policy_of_all_matters_alone_fails_the_last_one_holds_and_new_matters_are_shut(
    store: Store, tmp_path: Path, status: int
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        cat, policies = one.fake.person(3, "Cat"), one.fake.world.policies
        policies |= {first: [], ALL_MATTERS: [one.fake.user_of(cat)]}
        await one.settled()
        one.fake.answers = {f"/policies/{ALL_MATTERS}": (status, {})}
        await one.settled()
        second = one.fake.matter(2, personResponsible=link(ann))
        policies[second] = []
        policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        # What is known of each matter by itself is taken over all the same.
        await one.settled()
        seen = [[one.sees(each, matter) for each in (ann, ben, cat)] for matter in (first, second)]
        assert seen == [[True, False, False], [True, False, False]]
        assert "does not answer" in (await policy_finding(one.settings, store)).what
        one.fake.answers.clear()
        policies |= {first: [], ALL_MATTERS: []}
        await one.settled()
        seen = [[one.sees(each, matter) for each in (ann, ben, cat)] for matter in (first, second)]
        assert seen == [[True, True, True], [True, True, True]]


@pytest.mark.parametrize("status", [403, 500])
async def test_S3_the_policy_of_somebody_new_that_always_fails_keeps_no_leaver_in(
    store: Store, tmp_path: Path, status: int
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        one.fake.world.policies[first] = []
        await one.settled()
        new = [one.fake.person(number, f"New{number}") for number in range(5, 11)]
        one.fake.answers = {f"/policies/{one.fake.user_of(each)}": (status, {}) for each in new}
        one.fake.world.staff[ben]["former"] = True
        one.fake.settle()
        await one.look()
        assert one.reader.trouble == ""
        assert one.directory.firm.active_staff == {ann, *new}
        assert [one.sees(each, first) for each in (ann, *new)] == [True] + [False] * len(new)


@pytest.mark.parametrize(("status", "stays"), [(400, False), (403, False), (410, False), (500, True)])
async def test_S3_who_is_in_no_list_and_refused_where_they_were_has_left(
    store: Store, tmp_path: Path, status: int, *, stays: bool
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        cat = one.fake.person(3, "Cat")
        await one.settled()
        del one.fake.world.users[one.fake.user_of(ben)], one.fake.world.staff[ben]
        one.fake.answers = {f"/staff/{ben}": (status, {})}
        one.fake.world.staff[cat]["former"] = True
        one.fake.settle()
        await one.look()
        # Where nothing is said of them they stay, and the rest goes on.
        assert one.directory.firm.active_staff == ({ann, ben} if stays else {ann})
        assert [one.reader.trouble, one.sees(ann, first)] == ["", True]


async def test_M3_a_group_whose_id_is_missing_for_once_keeps_out_whom_it_kept_out(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first = small_firm(one.fake)
        groups = one.fake.world.groups
        groups["g"] = {"id": "g", "name": "G", "principalIds": [one.fake.user_of(ben)]}
        groups["h"] = {"id": "h", "name": "H", "principalIds": []}
        one.fake.world.bars["g"] = [f"matters/{first}"]
        one.fake.world.policies[one.fake.matter(2)] = []
        await one.settled()
        assert [one.sees(ann, first), one.sees(ben, first)] == [True, False]
        groups["g"]["id"] = None
        one.fake.settle()
        await one.look(3)
        assert [one.reader.trouble, one.sees(ann, first), one.sees(ben, first)] == ["", True, False]
        del groups["g"]
        one.fake.settle()
        await one.look()
        assert one.sees(ben, first)


@pytest.mark.parametrize("page", [2, 3, 500])
async def test_S1_records_without_an_id_that_are_alike_stop_no_list(store: Store, tmp_path: Path, page: int) -> None:
    async with connected(store, tmp_path, FakeSmokeball(page=page)) as one:
        ann, ben, _ = small_firm(one.fake)
        one.fake.world.staff |= {f"nameless {number}": {} for number in range(5)}
        cat = one.fake.person(3, "Cat")
        one.fake.world.staff |= {f"nameless {number}": {} for number in range(5, 8)}
        await one.settled()
        assert [one.reader.trouble, one.directory.firm.active_staff] == ["", {ann, ben, cat}]
