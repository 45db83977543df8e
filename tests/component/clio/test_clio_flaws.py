"""One record of Clio's that cannot be read: the rest goes on, leavers first, and nobody is let in (S1, S3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bridge.directory.sources.keeping import standing
from bridge.firm.model import MatterStatus
from bridge.store.engine.store import Store
from tests.component.clio.connected import ConnectedToClio, connected_to_clio
from tests.component.clio.test_clio import small_office
from tests.fakes.clio import EVERYBODY


async def flaws(one: ConnectedToClio) -> list[str]:
    return [each.id for each in (await one.store.read(standing, "clio")).flaws]


@pytest.mark.parametrize(
    "wrong", [{"status": "Suspended"}, {"status": 7}, {"client": "Brightwater"}, {"client": {"id": "x"}}]
)
async def test_S1_a_matter_of_clios_that_cannot_be_read_stops_nothing_and_lets_nobody_in(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        cat = one.fake.person(3, "Cat")
        one.fake.world.groups[7] = {"id": 7, "name": "Few", "type": "UserGroup", "users": [{"id": ann}, {"id": ben}]}
        one.fake.matter(matter, group={"id": 7})
        await one.settled()
        assert [one.sees(each, matter) for each in (ann, ben, cat)] == [True, True, False]
        one.fake.matter(matter, description="Other", group={"id": EVERYBODY}, **wrong)
        one.fake.matter(2, **wrong)
        one.fake.world.users[ben]["enabled"] = False
        one.fake.settle()
        await one.look()
        assert one.reader.trouble == ""
        assert one.directory.firm.active_staff == {"clio-1", "clio-3"}
        assert [one.sees(each, matter) for each in (ann, ben, cat)] == [True, False, False]
        assert one.directory.firm.matters["clio-1"].title == "Matter 1"
        assert "clio-2" not in one.directory.firm.matters
        assert await flaws(one) == ["clio-1", "clio-2"]
        # What a flawed one takes away goes ahead.
        one.fake.world.groups[8] = {"id": 8, "name": "Cat", "type": "UserGroup", "users": [{"id": cat}]}
        one.fake.matter(matter, group={"id": 8})
        one.fake.settle()
        await one.look()
        assert not any(one.sees(each, matter) for each in (ann, ben, cat))
        for number in (matter, 2):
            one.fake.matter(number, status="Pending", client=None)
        one.fake.settle()
        await one.look()
        assert await flaws(one) == []
        assert one.directory.firm.matters["clio-1"].status is MatterStatus.PENDING
        assert [one.sees(cat, each) for each in (matter, 2)] == [True, True]


async def test_S1_a_kind_of_user_and_a_state_that_nobody_knew_leave_people_as_they_were(
    store: Store, tmp_path: Path
) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        await one.settled()
        one.fake.world.users[ann]["enabled"] = "on leave"
        one.fake.world.users[ben]["clio_connect"] = "partly"
        one.fake.person(3, "Cat", enabled="perhaps")
        one.fake.person(4, "Dot", clio_connect="partly")
        one.fake.settle()
        await one.look()
        assert one.directory.firm.active_staff == {"clio-1", "clio-2"}
        assert await flaws(one) == ["clio-1", "clio-2", "clio-3", "clio-4"]
        one.fake.world.users[ben]["enabled"] = False
        one.fake.settle()
        await one.look()
        assert one.directory.firm.active_staff == {"clio-1"}
        assert one.sees(ann, matter)


async def test_S3_yes_and_no_of_clios_may_be_texts_and_numbers(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        small_office(one.fake)
        one.fake.person(3, "Client", clio_connect="true")
        one.fake.person(4, "Dot", clio_connect="False", enabled="true")
        one.fake.person(5, "Eli", clio_connect=0, enabled="false")
        one.fake.settle()
        await one.look()
        assert one.directory.firm.active_staff == {"clio-1", "clio-2", "clio-4"}
        assert await flaws(one) == []


@pytest.mark.parametrize("changed", ["soon", "9999-01-01T00:00:00Z", "0001-01-01T00:00:00+02:00", 7])
async def test_S1_a_matter_whose_time_of_change_is_none_hides_no_other(
    store: Store, tmp_path: Path, changed: object
) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        _, ben, matter = small_office(one.fake)
        one.fake.matter(2)
        await one.settled()
        one.fake.world.matters[2]["updated_at"] = changed
        one.fake.shown.matters[2]["updated_at"] = changed
        listed = [*one.fake.world.users.values(), {"id": None, "email": "x@firm.example"}, "x"]
        one.fake.answers = {"/users.json": (200, {"data": listed})}
        one.now[0] += one.settings.whole_minutes * 60_000
        await one.look()
        assert one.reader.trouble == ""
        one.fake.answers = {}
        one.fake.world.matters[2]["updated_at"] = one.fake.now()
        one.fake.matter(matter, description="Later")
        one.fake.world.users[ben]["enabled"] = False
        one.fake.settle()
        await one.look()
        assert one.directory.firm.matters["clio-1"].title == "Later"
        assert one.directory.firm.active_staff == {"clio-1"}
