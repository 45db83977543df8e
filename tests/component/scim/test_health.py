"""What health and the metrics say of SCIM, and what becomes of a resource that cannot be read (S1, S3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp.test_utils import TestClient, TestServer
from scim2_models import Context, User

from bridge.directory.scim.records import records_of
from bridge.directory.sources.keeping import sources_version
from bridge.store.engine.unit import Unit
from bridge.store.models import ScimResource
from tests.component.api.harness import Api
from tests.component.scim.harness import Client, Json, patch, scim_firm, user

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
INACTIVE = patch({"op": "Replace", "path": "active", "value": "False"})


def metric(client: Client, name: str, **labels: str) -> float | None:
    return client.api.firm.service.metrics.registry.get_sample_value(f"firm_bridge_scim_{name}", labels)


@asynccontextmanager
async def stored_otherwise(client: Client, change: Json, *record_ids: str) -> AsyncIterator[Client]:
    """The client after a new start in which these are kept with this change."""

    def keep(unit: Unit) -> None:
        for row in list(unit.all(ScimResource.select().where(ScimResource.id.in_(record_ids)))):
            data = orjson.dumps({**orjson.loads(row.data), **change}).decode()
            unit.run(ScimResource.update(data=data).where(ScimResource.id == row.id))

    await client.api.firm.service.store.run(keep)
    await client.api.firm.restart()
    client.api.firm.all_done()
    async with TestClient(TestServer(client.api.firm.bridge.panel_app())) as fresh:
        again = Client(Api(client.api.firm, fresh), client.token)
        await again.told()
        yield again


def flaws(client: Client) -> list[str]:
    return [each.id for one in client.api.firm.service.directory.standings for each in one.flaws]


async def test_S3_health_says_what_was_refused_and_what_waits(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        bridge = client.api.firm.bridge
        assert bridge.health()["scim"] == ""
        assert metric(client, "push_age_seconds") == -1
        made = [await client.make(user(f"Zo{letter}")) for letter in "abcdefghijkl"]
        await client.told()
        assert 0 <= (metric(client, "push_age_seconds") or -1) < 600
        # What anybody can send is counted, and no more is said of it.
        with_no_token = Client(client.api, "nonsense")
        assert (await with_no_token.ask("GET", "/Users"))[0] == 401
        assert bridge.health()["scim"] == ""
        assert metric(client, "refused_total", why="no_token") == 1
        assert (await client.ask("POST", "/Users", user("Zoa", userName="other")))[0] == 409
        assert (await client.ask("POST", "/Users", b"{"))[0] == 400
        assert (await client.ask("GET", "/Users/none"))[0] == 404
        said = bridge.health()["scim"]
        assert "1 that could not be understood" in said
        assert "1 with a name or address that is somebody else's" in said
        assert "last pushed: less than a minute ago" in said
        for one in made:
            assert (await client.ask("PATCH", f"/Users/{one}", INACTIVE))[0] == 200
        await client.told()
        assert "The leaving of 12 people who have left waits for a firm admin" in bridge.health()["scim"]
        assert metric(client, "held") == 12


async def test_S1_a_resource_that_is_kept_in_another_form_stays_as_it_was_and_stops_nobody(
    tmp_path: Path, database_url: str
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        await client.told()
        broken = ScimResource.update(data='{"userName": 7}').where(ScimResource.id == zoe)
        await client.api.firm.service.store.run(lambda unit: unit.run(broken))
        await client.api.firm.restart()
        scim = client.api.firm.bridge.scim
        assert scim is not None
        await scim.run()
        again = Client(client.api, client.token)
        await again.told()
        assert {"Zoe", "Yan"} <= again.active()
        directory = client.api.firm.service.directory
        assert [each.id for one in directory.standings for each in one.flaws] == [zoe]
        assert not directory.problems
        assert [one.resource.id for one in await scim.resources.everything() or ()] == [yan]
        # Pushed again they are themselves.
        pushed: User[Any] = User.model_validate(user("Zoe"), scim_ctx=Context.RESOURCE_CREATION_REQUEST)
        resource_type = scim.provider.resource_types[0]
        with scim.provider:
            made = await scim.resources.create(resource_type, pushed)
        assert made.id == zoe
        await again.told()
        assert [each.id for one in directory.standings for each in one.flaws] == []
        assert "Zoe" in again.active()


async def test_S3_newcomers_are_told_together_and_who_leaves_at_once(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, *_ = [await client.make(user(name)) for name in ("Zoe", "Xia", "Yan", "Uma")]
        await client.told()
        scim, directory = client.api.firm.bridge.scim, client.api.firm.service.directory
        assert scim is not None
        for number in range(3):
            await client.make(user(f"New{'abc'[number]}"))
            await scim.run()
            await directory.refresh()
        assert not {"Newa", "Newb", "Newc"} & client.active()
        await client.ask("PATCH", f"/Users/{zoe}", INACTIVE)
        await scim.run()
        await directory.refresh()
        assert {"Newa", "Newb", "Newc"} <= client.active()
        assert "Zoe" not in client.active()
        # They never wait for more than some seconds, however many come.
        for letter in "defghijk":
            await client.make(user(f"New{letter}"))
            await scim.run()
        await directory.refresh()
        assert "Newd" in client.active()


CHANGES: tuple[tuple[str, str, object, bool], ...] = (
    ("user", "PATCH", patch({"op": "replace", "path": "title", "value": "Dr"}), False),
    ("user", "PATCH", patch({"op": "replace", "path": "name.familyName", "value": "Fox"}), False),
    ("user", "PATCH", INACTIVE, True),
    ("user", "DELETE", None, True),
    ("user", "POST", user("Tom", active=False), True),
    ("group", "POST", {"schemas": [GROUP], "displayName": "Other"}, False),
    # A wall may name the group.
    ("group", "PATCH", patch({"op": "add", "path": "members", "value": [{"value": "ZOE"}]}), True),
    ("group", "PATCH", patch({"op": "replace", "path": "displayName", "value": "Other"}), True),
    ("group", "DELETE", None, True),
)


@pytest.mark.parametrize(("what", "method", "body", "at_once"), CHANGES)
async def test_S3_what_may_take_something_away_waits_for_no_newcomers(
    tmp_path: Path, database_url: str, what: str, method: str, body: object, at_once: bool
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        made = await client.make({"schemas": [GROUP], "displayName": "Team"}, "Groups")
        await client.told()
        scim = client.api.firm.bridge.scim
        assert scim is not None
        paths = {"user": f"/Users/{zoe}", "group": f"/Groups/{made}"}
        path = f"/{what.title()}s" if method == "POST" else paths[what]
        meant = None if body is None else orjson.dumps(body).replace(b"ZOE", zoe.encode())
        assert (await client.ask(method, path, meant))[0] < 300
        before = await client.api.firm.service.store.read(sources_version, ["scim"])
        await scim.run()
        after = await client.api.firm.service.store.read(sources_version, ["scim"])
        assert (before != after) == at_once


async def test_S3_who_cannot_be_read_and_is_deleted_has_left_at_once(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        await client.make(user("Yan"))
        await client.told()
        async with stored_otherwise(client, {"name": {"givenName": "Z" * 5000}}, zoe) as again:
            assert flaws(again) == [zoe]
            assert {"Zoe", "Yan"} <= again.active()
            assert (await again.ask("DELETE", f"/Users/{zoe}"))[0] == 204
            await again.told()
            assert "Zoe" not in again.active()
            assert "Yan" in again.active()
            assert flaws(again) == []


async def test_S3_who_is_pushed_anew_while_it_is_told_what_is_so_has_not_left(
    tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        await client.told()
        async with stored_otherwise(client, {"userName": 7}, zoe) as again:
            await again.told()
            scim, loop = client.api.firm.bridge.scim, asyncio.get_running_loop()
            assert scim is not None and flaws(again) == [zoe]

            def pushed_meanwhile(pushed: Any, roles: Any) -> Any:
                found = records_of(pushed, roles)
                anew = again.ask("PUT", f"/Users/{zoe}", user("Zoe"))
                assert asyncio.run_coroutine_threadsafe(anew, loop).result(timeout=10)[0] == 200
                return found

            monkeypatch.setattr("bridge.directory.scim.running.records_of", pushed_meanwhile)
            assert (await again.ask("DELETE", f"/Users/{await again.make(user('Yan'))}"))[0] == 204
            await scim.run()
            monkeypatch.undo()
            await client.api.firm.service.directory.refresh()
            assert "Zoe" in again.active()
            await again.told()
            assert "Zoe" in again.active() and flaws(again) == []


@pytest.mark.parametrize("way", ["DELETE", "PATCH", "PUT"])
async def test_S3_who_is_kept_in_another_form_can_be_taken_away(tmp_path: Path, database_url: str, way: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        await client.told()
        async with stored_otherwise(client, {"userName": 7}, zoe) as again:
            assert flaws(again) == [zoe]
            # Their address is nobody else's meanwhile, and of a part of them nothing is known.
            assert (await again.ask("PUT", f"/Users/{yan}", user("Yan", emails=user("Zoe")["emails"])))[0] == 409
            renamed = patch({"op": "replace", "path": "displayName", "value": "Z"})
            assert (await again.ask("PATCH", f"/Users/{zoe}", renamed))[0] == 400
            assert (await again.ask("DELETE", f"/Groups/{zoe}"))[0] == 404
            assert (await again.ask("GET", f"/Users/{zoe}"))[1]["id"] == zoe
            await again.told()
            assert {"Zoe", "Yan"} <= again.active()
            bodies = {"DELETE": None, "PATCH": INACTIVE, "PUT": user("Zoe", active=False)}
            assert (await again.ask(way, f"/Users/{zoe}", bodies[way]))[0] in {200, 204}
            await again.told()
            assert not again.api.firm.service.directory.problems
            assert ["Zoe" in again.active(), "Yan" in again.active(), flaws(again)] == [False, True, []]
            assert again.api.firm.service.directory.firm.staff[zoe].former
        async with stored_otherwise(client, {}) as later:
            assert ["Zoe" in later.active(), "Yan" in later.active(), flaws(later)] == [False, True, []]


async def test_S3_of_two_of_one_address_in_another_form_neither_is_lost(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        assert (await client.ask("PATCH", f"/Users/{zoe}", INACTIVE))[0] == 200
        other = await client.make(user("Zoe", userName="other"))
        await client.told()
        async with stored_otherwise(client, {"userName": 7}, zoe, other) as again:
            assert flaws(again) == sorted([zoe, other])
            assert (await again.ask("POST", "/Users", user("Zoe", userName="third")))[0] == 409
            assert (await again.ask("DELETE", f"/Users/{zoe}"))[0] == 204
            assert await again.make(user("Zoe", userName="third")) == other
            await again.told()
            assert ["Zoe" in again.active(), flaws(again)] == [True, []]


@pytest.mark.parametrize("way", ["DELETE", "PUT"])
async def test_S1_a_group_in_another_form_is_put_right_or_taken_away(
    tmp_path: Path, database_url: str, way: str
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        group = {"schemas": [GROUP], "displayName": "G", "members": [{"value": zoe}]}
        made = await client.make(group, "Groups")
        await client.told()
        async with stored_otherwise(client, {"members": 7}, made) as again:
            directory = again.api.firm.service.directory
            assert flaws(again) == [made]
            more = patch({"op": "add", "path": "members", "value": [{"value": yan}]})
            assert (await again.ask("PATCH", f"/Groups/{made}", more))[0] == 400
            await again.told()
            assert directory.firm.people([made]) == {zoe}
            body = {"DELETE": None, "PUT": {**group, "members": [{"value": yan}]}}[way]
            assert (await again.ask(way, f"/Groups/{made}", body))[0] in {200, 204}
            await again.told()
            assert [flaws(again), directory.firm.people([made])] == [[], {yan} if way == "PUT" else set()]
