"""What Entra and Okta push, and what the firm makes of it (S1, S3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.operations.tokens import Scope
from tests.component.scim.harness import ENTERPRISE, Client, patch, scim_firm, user

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
REPLACE_ACTIVE = patch({"op": "Replace", "path": "active", "value": "False"})


async def test_S3_who_is_deactivated_or_deleted_has_left_and_who_comes_back_is_the_same(
    tmp_path: Path, database_url: str
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        await client.told()
        assert {"Zoe", "Yan"} <= client.active()
        assert (await client.ask("PATCH", f"/Users/{zoe}", REPLACE_ACTIVE))[0] == 200
        assert (await client.ask("GET", f"/Users/{zoe}"))[1]["active"] is False
        await client.told()
        assert "Zoe" not in client.active()
        assert client.api.firm.service.directory.firm.staff[zoe].former
        again = patch({"op": "replace", "value": {"active": True}})
        assert (await client.ask("PATCH", f"/Users/{zoe}", again))[0] == 200
        await client.told()
        assert {"Zoe", "Yan"} <= client.active()
        assert (await client.ask("DELETE", f"/Users/{yan}"))[0] == 204
        assert (await client.ask("GET", f"/Users/{yan}"))[0] == 404
        await client.told()
        assert client.api.firm.service.directory.firm.staff[yan].former
        assert await client.make(user("Yan")) == yan
        await client.told()
        assert client.api.firm.service.directory.firm.staff[yan].active
        # Somebody else who was given the same address is somebody else.
        await client.ask("DELETE", f"/Users/{yan}")
        assert await client.make(user("Yan", externalId="another")) != yan
        # Some clients send no externalId.
        xia = await client.make(user("Xia", externalId=None))
        await client.ask("DELETE", f"/Users/{xia}")
        assert await client.make(user("Xia", externalId=None)) == xia
        await client.ask("DELETE", f"/Users/{xia}")
        assert await client.make(user("Xia", externalId=None, name={"givenName": "Xia", "familyName": "Fox"})) != xia


async def test_S3_who_is_pushed_as_inactive_has_left_whoever_else_has_them(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        for name in ("Uma", "Vic", "Xia", "Yan"):
            await client.make(user(name))
        await client.told()
        before = client.active()
        tom = {"emails": [{"value": "tom@firm.example", "primary": True}], "userName": "tom"}
        # Made and made inactive before anybody looked.
        made = await client.make(user("Tom", **tom))
        assert (await client.ask("PATCH", f"/Users/{made}", REPLACE_ACTIVE))[0] == 200
        await client.told()
        assert before - client.active() == {"Tom"}
        # With nonsense in it they leave all the same, and stop nobody.
        nonsense = user("Tom", id=made, name={"givenName": "T" * 5000}, active=False, **tom)
        assert (await client.ask("PUT", f"/Users/{made}", nonsense))[0] == 200
        await client.told()
        assert before - client.active() == {"Tom"}
        assert not client.api.firm.service.directory.problems
        # Their address is given to somebody new.
        assert await client.make(user("Zoe", **{**tom, "userName": "zoe"})) != made


async def test_S3_a_removed_address_makes_nobody_leave(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe", userName="zoe"))
        await client.told()
        for gone in ({"op": "Remove", "path": "emails"}, {"op": "remove", "path": 'emails[type eq "work"]'}):
            assert (await client.ask("PATCH", f"/Users/{zoe}", patch(gone)))[0] == 200
            await client.told()
            assert client.api.firm.service.directory.firm.staff[zoe].email == "zoe@firm.example"


async def test_what_entra_sends_is_understood(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        found = await client.ask("GET", '/Users?filter=userName eq "ZOE@FIRM.EXAMPLE"')
        assert [one["id"] for one in found[1]["Resources"]] == [zoe]
        assert (await client.ask("POST", "/Users", user("Zoe", userName="ZOE@firm.example", emails=[])))[0] == 409
        dotted = {"name.familyName": "Fox", f"{ENTERPRISE}:manager": yan, "active": "True"}
        for one in (
            {"op": "Add", "value": dotted},
            {"op": "Replace", "path": f"{ENTERPRISE}:manager", "value": [yan]},
            {"op": "Add", "path": f"{ENTERPRISE}:manager", "value": yan},
            {"op": "Add", "path": 'phoneNumbers[type eq "work"].value', "value": "5550100"},
            {"op": "Replace", "path": 'emails[type eq "work"].value', "value": "Zoe.Fox@firm.example"},
        ):
            status, said = await client.ask("PATCH", f"/Users/{zoe}", patch(one))
            assert status == 200, said
            said = (await client.ask("GET", f"/Users/{zoe}"))[1]
        assert said[ENTERPRISE]["manager"]["value"] == yan
        await client.told()
        staff = client.api.firm.service.directory.firm.staff[zoe]
        assert (staff.last_name, staff.email, staff.active) == ("Fox", "Zoe.Fox@firm.example", True)


async def test_what_okta_sends_is_understood(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe", password="never kept", locale="en-US", groups=[], unheard_of={"a": 1}))
        status, said = await client.ask("PUT", f"/Users/{zoe}", user("Zoe", id=zoe, displayName="Zoe", active=False))
        assert (status, said["active"], "password" in said) == (200, False, False)
        tag = said["meta"]["version"]
        assert (await client.ask("PUT", f"/Users/{zoe}", user("Zoe"), If_Match='W/"older"'))[0] == 412
        assert (await client.ask("PUT", f"/Users/{zoe}", user("Zoe"), If_Match=tag))[0] == 200
        status, page = await client.ask("GET", "/Users?startIndex=1&count=1")
        assert (status, page["itemsPerPage"]) == (200, 1)


async def test_F1_groups_are_groups_and_only_a_configured_one_makes_a_firm_admin(
    tmp_path: Path, database_url: str
) -> None:
    async with scim_firm(tmp_path, database_url, roles={"Firm Admins": "Associate"}) as client:
        hopeful = {"title": "Associate", "userType": "Associate", "roles": [{"value": "Associate"}]}
        zoe, yan = await client.make(user("Zoe", **hopeful)), await client.make(user("Yan"))
        both = [{"value": zoe}, {"value": yan}, {"value": "nobody"}]
        group = await client.make({"schemas": [GROUP], "displayName": "Associate", "members": both}, "Groups")
        await client.told()
        firm = client.api.firm.service.directory.firm
        assert set(firm.groups[group].members) == {zoe, yan}
        assert (firm.staff[zoe].role, firm.staff[yan].role) == ("", "")
        removed = patch({"op": "Remove", "path": "members", "value": [{"value": zoe}]})
        assert (await client.ask("PATCH", f"/Groups/{group}", removed))[0] == 200
        renamed = patch({"op": "Replace", "path": "displayName", "value": "firm admins"})
        assert (await client.ask("PATCH", f"/Groups/{group}", renamed))[0] == 200
        # A group in itself, and in a circle, stops nothing.
        circle = patch({"op": "Add", "path": "members", "value": [{"value": group}]})
        await client.ask("PATCH", f"/Groups/{group}", circle)
        await client.told()
        firm = client.api.firm.service.directory.firm
        assert set(firm.groups[group].members) == {yan}
        assert (firm.staff[zoe].role, firm.staff[yan].role) == ("", "Associate")
        assert not client.api.firm.service.directory.problems


@pytest.mark.parametrize(("scopes", "admins"), [((Scope.PEOPLE, Scope.STAFF), True), ((Scope.SCIM,), False)])
async def test_F1_a_token_of_less_scope_or_of_no_admin_does_nothing(
    tmp_path: Path, database_url: str, scopes: tuple[Scope, ...], admins: bool
) -> None:
    async with scim_firm(tmp_path, database_url, scopes=scopes, admins=admins) as client:
        for method, path in (("GET", "/Users"), ("POST", "/Users"), ("GET", "/Schemas"), ("DELETE", "/Users/ruth")):
            assert (await client.ask(method, path, user("Zoe")))[0] == 403
        client.token = "another"
        assert (await client.ask("GET", "/ServiceProviderConfig"))[0] == 401
        assert await resources(client) is None


async def resources(client: Client) -> object:
    scim = client.api.firm.bridge.scim
    assert scim is not None
    return await scim.resources.everything()


async def test_S3_many_who_leave_one_by_one_are_held_and_answered_as_done(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        made = [await client.make(user(f"Zo{letter}")) for letter in "abcdefghijkl"]
        await client.told()
        directory = client.api.firm.service.directory
        for one in made:
            assert (await client.ask("DELETE", f"/Users/{one}"))[0] == 204
            await client.told()
        assert directory.held is not None
        left = {one for one in made if not directory.firm.staff[one].active}
        assert 0 < len(left) <= 3


async def test_S1_what_cannot_be_read_is_refused_and_stops_nobody_else(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        for body in (
            b"{",
            b'{"userName": ' + b"[" * 50 + b"]" * 50 + b"}",
            user("Zoe", emails=[{"value": "no address"}]),
            user("Zoe", name={"givenName": "Zoe\u202e", "familyName": "F"}),
            user("Zoe", name={"givenName": "Z" * 5000}),
            user("Zoe", userName={"a": 7}),
        ):
            status, said = await client.ask("POST", "/Users", body)
            assert (status, said["schemas"]) == (400, ["urn:ietf:params:scim:api:messages:2.0:Error"])
        await client.make(user("Yan"))
        await client.told()
        assert "Yan" in client.active()
        assert not client.api.firm.service.directory.problems
        # Nothing that was pushed is lost by a new start.
        await client.api.firm.restart()
        scim = client.api.firm.bridge.scim
        assert scim is not None
        assert [one.email for one in await scim.resources.everything() or ()] == ["yan@firm.example"]
