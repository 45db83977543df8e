"""What identity providers send otherwise than the RFCs have it, and what they expect of what the RFCs say (S3).

Entra matches by `userName eq` and by other attributes, takes members away by a list of values, writes yes and no as
text, and expects that a removal of what is not there is done. Okta replaces whole users, and sends a group's id along.
OneLogin and JumpCloud send what a client shows of a member along with its id.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from scim2_models import Group, PatchOp

from bridge.directory.scim.members import patched
from bridge.directory.scim.running import make_provider
from tests.component.scim.harness import ENTERPRISE, USER, Client, Json, patch, scim_firm, user

GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"


def add(path: str, value: Any) -> Json:
    return {"op": "Add", "path": path, "value": value}


def replace(path: str, value: Any) -> Json:
    return {"op": "Replace", "path": path, "value": value}


async def changed(client: Client, path: str, *operations: Json) -> Json:
    """What a resource is after a PATCH."""
    status, said = await client.ask("PATCH", path, patch(*operations))
    assert status == 200, (operations, said)
    assert isinstance(said, dict)
    return said


async def test_S3_users_as_providers_make_them_are_staff(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        boss = await client.make(user("Zoe"))
        made: tuple[tuple[str, Json, bool], ...] = (
            ("Fay", {"active": "False"}, False),
            ("Gus", {"active": "true", "password": "s3cret"}, True),
            ("Hal", {"nickName": "", "title": None, "phoneNumbers": [{"value": "", "type": "work"}]}, True),
            ("Ida", {"emails": [{"value": "ida@firm.example", "type": "Work", "primary": "True"}]}, True),
            ("Joe", {ENTERPRISE: {"manager": boss}}, True),
            ("Kim", {ENTERPRISE: {"manager": {"value": boss, "displayName": "Zoe"}}}, True),
            ("Leo", {ENTERPRISE: {"manager": {"value": "", "$ref": None}}}, True),
            ("Mia", {"id": "mine", "meta": {"resourceType": "User"}, "groups": [{"value": "g"}]}, True),
            ("Ned", {"schemas": [USER, "urn:x:google"], "urn:x:google": {"a": 1}}, True),
        )
        for name, more, _ in made:
            assert await client.make(user(name, **more)) != "mine"
        await client.told()
        assert {name for name, _, _ in made} & client.active() == {name for name, _, active in made if active}


async def test_S1_values_in_another_form_refuse_nobody(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        made: tuple[Json, ...] = (
            {"schemas": None, "meta": {"created": "yesterday"}, "groups": ["Partners"], "active": "True "},
            {"emails": "Ub@firm.example", "phoneNumbers": "5550100", "roles": ["Partner"]},
            {"emails": {"value": "Uc@firm.example"}, "phoneNumbers": [{"value": 5550100, "type": "work"}, None]},
            {"emails": [{"value": "", "primary": True}, {"value": "Ud@firm.example", "primary": ""}]},
            {"externalId": 7, ENTERPRISE: {"employeeNumber": 7}, "title": [{"$ref": None, "value": "Dr"}]},
            {"name": "Uf", "entitlements": "", ENTERPRISE: "", "profileUrl": "", "photos": [{"value": ""}]},
            {"profileUrl": "none yet", "photos": [{"value": "none", "type": "photo"}], "addresses": ""},
        )
        ids = [await client.make(user(f"U{letter}", **more)) for letter, more in zip("abcdefg", made, strict=True)]
        text = orjson.dumps(user("Uh"))
        assert (await client.ask("POST", "/Users", b"\xef\xbb\xbf" + text))[0] == 201
        await client.told()
        assert {f"U{letter}" for letter in "abcdefgh"} <= client.active()
        path = f"/Users/{ids[2]}"
        said = await changed(client, path, replace("displayName", [{"$ref": None, "value": "Uc F"}]))
        assert (said["displayName"], said["phoneNumbers"][0]["value"]) == ("Uc F", "5550100")
        for nothing in ('emails[type eq "home"].value', 'photos[type eq "photo"].value', "profileUrl"):
            await changed(client, path, add(nothing, ""))
        assert (await changed(client, path, replace("active", [{"value": "False"}])))["active"] is False


OFF = replace("active", "False")


@pytest.mark.parametrize(
    ("method", "body", "status"),
    [
        ("PATCH", patch(OFF, replace('emails[type eq "work"].value', "nonsense")), 400),
        ("PATCH", patch(replace("userName", "YAN@firm.example"), OFF), 409),
        ("PATCH", patch({"op": "replace", "value": {"active": False, "userName": None}}), 400),
        ("PUT", user("Zoe", active=False, emails=[{"value": "nonsense"}]), 400),
        ("PUT", user("Zoe", active="False", userName="yan@firm.example"), 409),
        ("PUT", user("Zoe", active=0, schemas=["urn:scim:schemas:core:1.0"]), 400),
    ],
)
async def test_F2_whoever_leaves_does_so_whatever_else_is_refused(
    tmp_path: Path, database_url: str, method: str, body: Json, status: int
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, _ = await client.make(user("Zoe", title="Dr")), await client.make(user("Yan"))
        await client.told()
        assert (await client.ask(method, f"/Users/{zoe}", body))[0] == status
        await client.told()
        assert client.active() & {"Zoe", "Yan"} == {"Yan"}
        assert (await client.ask("GET", f"/Users/{zoe}"))[1]["title"] == "Dr"


async def test_F2_who_was_changed_meanwhile_does_not_leave_by_what_is_older(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        for method, body in (("PUT", user("Zoe", active=False)), ("PATCH", patch(OFF))):
            assert (await client.ask(method, f"/Users/{zoe}", body, If_Match='W/"older"'))[0] == 412
        assert (await client.ask("GET", f"/Users/{zoe}"))[1]["active"] is True


async def test_S3_nobody_comes_back_by_that_nothing_is_said(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        path = f"/Users/{await client.make(user('Zoe'))}"
        silent = user("Zoe", title="Dr")
        del silent["active"]
        await changed(client, path, OFF)
        for body in (silent, user("Zoe", active=None)):
            assert (await client.ask("PUT", path, body))[1]["active"] is False
        assert (await client.ask("PUT", path, user("Zoe")))[1]["active"] is True


async def test_S3_no_password_is_kept_or_can_be_asked_for(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe", password="s3cret"))
        await changed(client, f"/Users/{zoe}", replace("password", "s3cret"))
        assert (await client.ask("PUT", f"/Users/{zoe}", user("Zoe", password="s3cret")))[0] == 200
        guess = quote('password eq "s3cret"')
        assert (await client.ask("GET", f"/Users?filter={guess}"))[1]["totalResults"] == 0
        rows = await client.api.firm.service.store.read(lambda unit: unit.rows("SELECT data FROM scim_resource"))
        assert rows
        assert not any("s3cret" in data for (data,) in rows)


async def test_S3_a_patch_says_in_many_ways_what_it_is_about(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, yan = await client.make(user("Zoe")), await client.make(user("Yan"))
        path = f"/Users/{zoe}"
        said = await changed(client, path, {"op": "Add", "value": {'emails[type eq "work"].value': "a@firm.example"}})
        assert said["emails"][0]["value"] == "a@firm.example"
        both = {'phoneNumbers[type eq "work"].value': "5550100", "name.familyName": "Fox", "title": "Dr"}
        said = await changed(client, path, {"op": "replace", "value": both})
        assert (said["phoneNumbers"][0]["value"], said["name"]["familyName"], said["title"]) == ("5550100", "Fox", "Dr")
        said = await changed(client, path, add('roles[primary eq "True"].value', "Partner"))
        assert said["roles"] == [{"value": "Partner", "primary": True}]
        said = await changed(client, path, add('addresses[type eq "work"].streetAddress', "1 Quay"))
        assert said["addresses"] == [{"streetAddress": "1 Quay", "type": "work"}]
        for value in (yan, [{"value": yan}], {"value": yan}):
            said = await changed(client, path, replace(f"{ENTERPRISE}:manager", value))
            assert said[ENTERPRISE]["manager"]["value"] == yan
            said = await changed(client, path, replace(f"{ENTERPRISE}:manager", ""))
            assert "manager" not in said.get(ENTERPRISE, {})
        # Twice, and with a value: what is not there is taken away as well as anything.
        for _ in range(2):
            said = await changed(client, path, {"op": "Remove", "path": "title", "value": "Dr"})
            assert "title" not in said
        assert (await changed(client, path, replace("active", "False")))["active"] is False


async def test_S3_a_patch_that_fails_in_part_changes_nothing(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe", title="Dr"))
        await client.make(user("Yan"))
        wrong: tuple[tuple[Json, int], ...] = (
            (replace("emails[type eq work].value", "x"), 400),
            (replace("userName", "YAN@firm.example"), 409),
            (replace('emails[type eq "work"].value', "Yan@firm.example"), 409),
            (replace("id", "other"), 400),
            (replace("userName", None), 400),
            ({"op": "delete", "path": "title"}, 400),
            (replace("active", "perhaps"), 400),
        )
        for one, status in wrong:
            assert (await client.ask("PATCH", f"/Users/{zoe}", patch(replace("title", "New"), one)))[0] == status
        assert (await client.ask("GET", f"/Users/{zoe}"))[1]["title"] == "Dr"


@pytest.mark.parametrize(
    ("operation", "left"),
    [
        ({"op": "Remove", "path": "members", "value": [{"value": "ZOE"}]}, "Y"),
        # What is shown of a member is no part of who it is.
        ({"op": "remove", "path": "members", "value": [{"value": "ZOE", "display": "Z", "$ref": "x"}]}, "Y"),
        ({"op": "remove", "path": "members", "value": ["ZOE", "nobody"]}, "Y"),
        ({"op": "remove", "path": "members", "value": {"value": "ZOE"}}, "Y"),
        ({"op": "remove", "path": f'{GROUP}:members[ value EQ "ZOE"]'}, "Y"),
        ({"op": "remove", "path": f"{GROUP}:members", "value": [{"value": "ZOE"}]}, "Y"),
        ({"op": "remove", "path": 'members[value eq "ZOE"]', "value": [{"value": "YAN"}]}, "Y"),
        ({"op": "remove", "path": 'members[value eq "ZOE" or value eq "YAN"]'}, ""),
        ({"op": "remove", "path": 'members[value eq "nobody"]'}, "YZ"),
        ({"op": "remove", "path": "members", "value": [{"value": "nobody"}]}, "YZ"),
        ({"op": "remove", "path": "members", "value": []}, "YZ"),
        ({"op": "remove", "path": "members"}, ""),
        ({"op": "replace", "value": {"id": "GROUP", "displayName": "Team", "members": [{"value": "YAN"}]}}, "Y"),
        ({"op": "add", "path": "members", "value": [{"value": "ZOE", "display": "Again"}, {"value": "nobody"}]}, "YZ"),
        ({"op": "remove", "path": "members", "value": [{"$ref": "https://panel.example/scim/v2/Users/ZOE"}]}, "Y"),
        ({"op": "remove", "path": 'members[$ref eq "https://panel.example/scim/v2/Users/ZOE"]'}, "Y"),
        ({"op": "replace", "path": "members", "value": "YAN"}, "Y"),
        ({"op": "replace", "value": {"members": [{"$ref": "../Users/YAN"}]}}, "Y"),
    ],
)
async def test_M3_members_are_taken_away_however_it_is_said(
    tmp_path: Path, database_url: str, operation: Json, left: str
) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        ids = {"ZOE": await client.make(user("Zoe")), "YAN": await client.make(user("Yan"))}
        members = [{"value": ids["ZOE"], "display": "Zoe"}, {"value": ids["YAN"]}, {"value": ids["ZOE"]}]
        body = {"schemas": [GROUP], "displayName": "Team", "members": members}
        ids["GROUP"] = await client.make(body, "Groups")

        def meant(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: meant(one) for key, one in value.items()}
            if isinstance(value, list):
                return [meant(one) for one in value]
            for name, own in ids.items():
                value = value.replace(name, own)
            return value

        await changed(client, f"/Groups/{ids['GROUP']}", meant(operation))
        await client.told()
        firm = client.api.firm.service.directory.firm
        assert {firm.staff[one].first_name[0] for one in firm.groups[ids["GROUP"]].members} == set(left)


async def test_M3_a_member_whom_nothing_names_is_never_taken_for_done(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        named = {"schemas": [GROUP], "displayName": "Team", "members": [{"value": zoe}]}
        group = await client.make(named, "Groups")
        for value in ({"display": "Zoe"}, {"value": None}, {"value": ""}, {}):
            for op in ("add", "remove"):
                body = patch({"op": op, "path": "members", "value": [value]})
                assert (await client.ask("PATCH", f"/Groups/{group}", body))[0] == 400
            assert (await client.ask("POST", "/Groups", {**named, "members": [value]}))[0] == 400


async def test_S1_a_group_may_have_as_long_a_name_as_entra_allows(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        name = " ".join(["Wills"] * 42)
        group = await client.make({"schemas": [GROUP], "displayName": name}, "Groups")
        assert (await client.ask("GET", f"/Groups/{group}"))[1]["displayName"] == name
        await client.told()
        assert name.startswith(client.api.firm.service.directory.firm.groups[group].name)


async def test_M3_operations_on_members_are_done_in_order(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        group = await client.make({"schemas": [GROUP], "displayName": "Team"}, "Groups")
        one, two = [{"value": "one"}], [{"value": "two"}]
        remove = {"op": "remove", "path": "members", "value": one}
        operations = (add("members", [*one, *two]), remove, remove, add("members", one), replace("displayName", "New"))
        said = await changed(client, f"/Groups/{group}", *operations)
        assert (said["displayName"], [each["value"] for each in said["members"]]) == ("New", ["two", "one"])
        # What follows fails, and nothing of it is done.
        wrong = patch(remove, replace("displayName", None))
        assert (await client.ask("PATCH", f"/Groups/{group}", wrong))[0] == 400
        assert len((await client.ask("GET", f"/Groups/{group}"))[1]["members"]) == 2


async def test_M3_many_are_taken_out_of_a_large_group(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        many = [{"value": f"unknown-{number}"} for number in range(300)]
        body = {"schemas": [GROUP], "displayName": "All", "members": [*many, {"value": zoe}]}
        group = await client.make(body, "Groups")
        said = await changed(client, f"/Groups/{group}", {"op": "Remove", "path": "members", "value": many})
        assert [one["value"] for one in said["members"]] == [zoe]


def test_M3_members_who_go_and_come_by_turns_are_looked_up_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, patched_by = [], PatchOp.patch

    def counted(patch_op: PatchOp[Group], resource: Group) -> bool:
        asked.append(patch_op)
        return patched_by(patch_op, resource)

    monkeypatch.setattr(PatchOp, "patch", counted)
    with make_provider():
        group: Group = Group.model_validate({"schemas": [GROUP], "displayName": "T", "members": [{"value": "a"}]})
        turns = [
            {"op": op, "path": "members", "value": [{"value": one}]}
            for one in ("a", "b", "C", "d")
            for op in ("remove", "add", "add")
        ]
        last = {"op": "remove", "path": "members", "value": [{"value": "D"}]}
        assert patched(group, PatchOp[Group].model_validate(patch(*turns, last)))
    assert [str(one.value) for one in group.members or ()] == ["a", "b", "C"]
    assert len(asked) == 1


FILTERS: tuple[tuple[str, int], ...] = (
    ('userName eq "ZOE@firm.EXAMPLE"', 1),
    ('externalId eq "object-Zoe"', 1),
    ('externalId eq "OBJECT-ZOE"', 0),
    ('userName eq "zoe@firm.example" and active eq "True"', 1),
    ('userName eq "zoe@firm.example" or userName eq "yan@firm.example"', 2),
    ('userName sw "Z"', 1),
    ('emails[type eq "work" and value eq "yan@firm.example"]', 1),
    ('emails eq "YAN@firm.example"', 1),
    (f'{USER}:userName eq "zoe@firm.example"', 1),
    ("not (title pr)", 2),
)


async def test_lists_are_asked_for_as_the_rfc_says(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe, _ = await client.make(user("Zoe")), await client.make(user("Yan"))
        for asked, count in FILTERS:
            status, page = await client.ask("GET", f"/Users?filter={quote(asked)}")
            assert (status, page["totalResults"]) == (200, count), asked
        for asked in ("userName eq zoe", "shoeSize eq 4", "userName", ""):
            status, said = await client.ask("GET", f"/Users?filter={quote(asked)}")
            assert (status, said["scimType"]) == (400, "invalidFilter"), asked
        pages = {"startIndex=0": 2, "startIndex=-5": 2, "startIndex=9": 0, "count=0": 0, "count=-1": 0, "count=1": 1}
        for asked, count in pages.items():
            page = (await client.ask("GET", f"/Users?{asked}"))[1]
            assert (page["totalResults"], page["itemsPerPage"]) == (2, count), asked
        body = {"schemas": [GROUP], "displayName": "Team", "members": [{"value": zoe}]}
        group = await client.make(body, "Groups")
        assert "members" not in (await client.ask("GET", f"/Groups/{group}?excludedAttributes=members"))[1]
        for asked in (f'id eq "{group}" and members eq "{zoe}"', f'members[value eq "{zoe}"]', 'displayName eq "TEAM"'):
            page = (await client.ask("GET", f"/Groups?excludedAttributes=members&filter={quote(asked)}"))[1]
            assert [one["id"] for one in page["Resources"]] == [group], asked


async def test_what_a_request_must_be_and_what_there_is_not(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        zoe = await client.make(user("Zoe"))
        for kind, status in (("application/json; charset=utf-8", 201), ("text/plain", 415)):
            assert (await client.ask("POST", "/Users", user("Yan"), Content_Type=kind))[0] == status
        status, said = await client.ask("POST", "/Users", user("Zoe"))
        assert (status, said["scimType"]) == (409, "uniqueness")
        without_id = {key: one for key, one in user("Zoe", title="Dr").items() if key != "id"}
        assert (await client.ask("PUT", f"/Users/{zoe}", without_id))[1]["title"] == "Dr"
        for method, body in (("PUT", user("Zoe")), ("PATCH", patch(replace("title", "x"))), ("DELETE", None)):
            assert (await client.ask(method, f"/Users/{zoe}", body, If_Match='W/"older"'))[0] == 412
        tag = (await client.ask("GET", f"/Users/{zoe}"))[1]["meta"]["version"]
        assert (await client.ask("GET", f"/Users/{zoe}", If_None_Match=tag))[0] == 304
        assert (await client.ask("POST", "/Bulk", {"Operations": []}))[0] == 501
        assert (await client.ask("GET", "/Me"))[0] == 501
        assert (await client.ask("DELETE", f"/Users/{zoe}"))[0] == 204
        assert (await client.ask("DELETE", f"/Users/{zoe}"))[0] == 404
