"""Clio as a source, against a fake that refuses, forgets and lags (S1, S2, S3)."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.check.finding import Verdict
from bridge.check.sources import clio_finding
from bridge.directory.clio.api import ClioApi
from bridge.directory.clio.hosts import client_of
from bridge.directory.clio.records import GIVES, ClioSays, records_of
from bridge.directory.sources.asking import Bucket
from bridge.directory.sources.cleaning import readable
from bridge.directory.sources.port import SourceError
from bridge.directory.sources.tokens import Tokens, keep_tokens, make_key, opened, sealed_tokens
from bridge.directory.sources.union import checked
from bridge.directory.values import Cell, ValueType, read_cell, text_up_to
from bridge.firm.model import MatterStatus
from bridge.settings import ClioSettings
from bridge.store.engine.store import Store
from tests.component.clio.connected import ConnectedToClio, connected_to_clio
from tests.component.sources.connected import store_in
from tests.fakes.clio import EVERYBODY, FakeClio


def small_office(fake: FakeClio) -> tuple[int, int, int]:
    """Ann, Ben, and a matter of Ann's for a client."""
    ann, ben = fake.person(1, "Ann", roles=["admin"]), fake.person(2, "Ben")
    matter = fake.matter(1, responsible_attorney={"id": ann}, client={"id": 1, "name": "Brightwater Marina"})
    fake.settle()
    return ann, ben, matter


async def test_S1_staff_and_matters_of_clio_come_as_they_are(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        one.fake.person(3, "Client", clio_connect=True)
        await one.settled()
        firm = one.directory.firm
        known = firm.matters["clio-1"]
        assert firm.active_staff == {"clio-1", "clio-2"}
        assert (firm.staff["clio-1"].name, firm.staff["clio-1"].role) == ("Ann Finch", "")
        assert (known.number, known.title, known.client) == ("00001-Moor", "Matter 1", "Brightwater Marina")
        assert known.responsible == "clio-1"
        assert not known.restricted
        assert one.sees(ann, matter)
        assert one.sees(ben, matter)


async def test_S3_clio_makes_nobody_an_admin_unless_the_settings_do(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, roles={"Admin": "IT"}) as one:
        small_office(one.fake)
        await one.settled()
        assert [one.directory.firm.staff[each].role for each in ("clio-1", "clio-2")] == ["IT", ""]


async def test_M3_whom_clio_does_not_list_is_not_in(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        one.fake.group(901, ben)
        one.fake.matter(matter, group={"id": 901})
        await one.settled()
        # Who is responsible is in no more than Clio lets them.
        assert (one.sees(ann, matter), one.sees(ben, matter)) == (False, True)
        one.fake.group(901, ann)
        one.fake.settle()
        await one.look()
        assert (one.sees(ann, matter), one.sees(ben, matter)) == (True, False)
        del one.fake.world.groups[901]
        one.fake.settle()
        await one.look()
        assert (one.sees(ann, matter), one.sees(ben, matter)) == (False, False)


async def test_M3_everybody_is_only_who_is_listed(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        one.fake.world.groups[EVERYBODY]["users"] = [{"id": ann}]
        await one.settled()
        assert (one.sees(ann, matter), one.sees(ben, matter)) == (True, False)


async def test_M3_by_default_a_matter_of_clios_is_for_its_attorneys_alone(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, access="team") as one:
        ann, ben, matter = small_office(one.fake)
        cat = one.fake.person(3, "Cat")
        one.fake.matter(matter, originating_attorney={"id": cat})
        await one.settled()
        assert [one.sees(each, matter) for each in (ann, ben, cat)] == [True, False, True]


async def test_M4_a_matter_is_closed_and_reopened_in_clio(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        _, _, matter = small_office(one.fake)
        for status in (MatterStatus.CLOSED, MatterStatus.PENDING, MatterStatus.OPEN):
            one.fake.matter(matter, status=status.value.capitalize())
            one.fake.settle()
            await one.look()
            assert one.directory.firm.matters["clio-1"].status is status
        del one.fake.world.matters[matter]
        await one.settled()
        assert one.directory.firm.matters["clio-1"].status is MatterStatus.DELETED


async def test_S3_who_is_disabled_or_gone_in_clio_has_no_access(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, _ = small_office(one.fake)
        await one.settled()
        one.fake.world.users[ben]["enabled"] = False
        one.fake.settle()
        await one.look()
        assert one.directory.firm.active_staff == {"clio-1"}
        one.fake.person(4, "Dot")
        del one.fake.world.users[ann]
        one.fake.settle()
        await one.look()
        assert one.directory.firm.active_staff == {"clio-4"}
        assert one.directory.firm.staff["clio-1"].former


def test_S1_each_field_that_clio_can_give_is_given_and_short_enough_for_a_file() -> None:
    long = "x" * 5000
    user: dict[str, Any] = {
        "id": 2**63 - 1,
        "email": "ann@firm.example",
        "enabled": True,
        "first_name": "Ann",
        "last_name": "Finch",
    }
    user |= {"initials": long, "phone_number": long, "roles": ["admin", {"of": 1}]}
    link = {"id": user["id"]}
    matter: dict[str, Any] = {
        "id": 7,
        "display_number": long,
        "description": long,
        "status": "Open",
        "open_date": "2026-11-23",
    }
    matter |= {"close_date": "2026-11-24", "client": {"id": 3, "name": long}, "group": {"id": 4}}
    matter |= {"responsible_attorney": link, "originating_attorney": link}
    says = ClioSays(
        {user["id"]: user},
        {4: {"id": 4, "name": long, "users": [link, "x", {"id": None}]}},
        {7: matter, 8: {**matter, "id": 8}},
    )
    records = records_of(says, ClioSettings(access="groups", roles={"admin": "IT"}))
    checked("clio", records)
    given: dict[str, set[str]] = {}
    for one in records:
        given.setdefault(one.kind, set()).update(one.values)
    assert given == {kind: set(names) for kind, names in GIVES.items()}


async def test_S1_two_matters_of_one_number_are_told_apart(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        small_office(one.fake)
        one.fake.matter(2, display_number="00001-MOOR")
        await one.settled()
        assert {one.directory.firm.matters[each].number for each in ("clio-1", "clio-2")} == {
            "00001-Moor (Clio 1)",
            "00001-MOOR (Clio 2)",
        }


@pytest.mark.parametrize("last", ["00001-moor", "00001-MOOR (Clio 2)", "00001-Moor (clio 3)"])
async def test_S1_numbers_are_told_apart_also_from_one_that_looks_told_apart(
    store: Store, tmp_path: Path, last: str
) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        small_office(one.fake)
        one.fake.matter(2, display_number="00001-MOOR")
        one.fake.matter(3, display_number=last)
        await one.settled()
        assert one.reader.trouble == ""
        assert len({each.number.casefold() for each in one.directory.firm.matters.values()}) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        {"description": "a\u202eb\x01"},
        {"description": "\u200b", "open_date": "2020-13-45", "close_date": "soon"},
        {"description": "\u0301" * 300 + "a", "display_number": "\u202e"},
        {"client": {"id": 1, "name": "Brightwater\u202e Marina"}},
        {"client": {"id": 1, "name": "\u200b"}},
    ],
)
async def test_S3_what_somebody_typed_into_a_matter_of_clios_keeps_no_leaver_in(
    store: Store, tmp_path: Path, wrong: dict[str, Any]
) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        ann, ben, matter = small_office(one.fake)
        one.fake.person(3, "Cat")
        await one.settled()
        one.fake.matter(matter, **wrong)
        one.fake.world.users[3]["email"] = "cat at home"
        one.fake.person(4, "Dot", email="ANN@firm.example")
        one.fake.person(5, "\u200b", email="\u0301@firm.example", last_name="f" * 200)
        one.fake.world.users[ben]["enabled"] = False
        one.fake.settle()
        await one.look()
        firm = one.directory.firm
        assert one.reader.trouble == ""
        assert firm.active_staff == {"clio-1", "clio-5"}
        assert firm.matters["clio-1"].client in {"Brightwater Marina", "Clio contact 1"}
        assert one.sees(ann, matter)


def test_S1_a_source_with_very_many_values_that_cannot_be_read_is_said_as_one_that_cannot() -> None:
    many = {each: {"id": each, "display_number": str(each), "status": "Gone"} for each in range(1, 200)}
    with pytest.raises(SourceError, match="And 47 more"):
        checked("clio", records_of(ClioSays(matters=many), ClioSettings()))


@given(st.text(max_size=40), st.integers(1, 12))
def test_S1_any_text_of_another_system_can_be_read(text: str, longest: int) -> None:
    found = readable(text, longest)
    assert len(found) <= longest
    assert found == "" or read_cell(ValueType("", text_up_to(longest)), Cell(0, found)) == found


async def test_S1_a_list_that_changes_while_it_is_read_is_read_whole(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, FakeClio(page=3)) as one:
        small_office(one.fake)
        for number in range(2, 12):
            one.fake.matter(number)
        one.fake.settle()
        matters = one.fake.shown.matters
        before = set(matters)

        def shift() -> None:
            del matters[min(matters)]
            added = one.fake.matter(max(matters) + 1)
            matters[added] = one.fake.world.matters[added]

        one.fake.on_page = [shift, shift]
        found = [each["id"] for each in await one.api.whole("/matters.json", "id")]
        assert before & matters.keys() <= set(found)
        assert len(found) == len(set(found))


@pytest.mark.parametrize("following", ["https://elsewhere.example/api/v4/matters.json?page_token=2", "SAME"])
async def test_S1_a_list_leads_to_no_other_host_and_has_an_end(store: Store, tmp_path: Path, following: str) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        small_office(one.fake)
        await one.settled()
        same = f"{one.settings.url}/api/v4/users.json?page_token=1"
        paging = {"next": same if following == "SAME" else following}
        one.fake.answers = {"/users.json": (200, {"data": [{"id": 1}], "meta": {"paging": paging}})}
        await one.look()
        assert "goes on at an address that it cannot be read from" in one.reader.trouble
        assert one.directory.firm.active_staff == {"clio-1", "clio-2"}


@pytest.mark.parametrize("path", ["/users.json", "/groups.json", "/matters.json"])
@pytest.mark.parametrize("listed", [["x"], [{"id": "1"}], [{"id": True}], "x", None])
async def test_S1_a_list_that_is_none_leaves_the_firm(store: Store, tmp_path: Path, path: str, listed: Any) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        _, ben, matter = small_office(one.fake)
        await one.settled()
        one.fake.answers = {path: (200, {"data": listed})}
        await one.look()
        assert "not what its description says" in one.reader.trouble
        assert one.sees(ben, matter)


async def test_S1_limits_ends_of_tokens_and_a_day_without_clio_are_waited_out(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        _, ben, matter = small_office(one.fake)
        await one.settled()
        one.fake.limited = [(429, "2"), (429, ""), (500, ""), (503, "1")]
        one.fake.expired = {"access-1"}
        await one.look()
        assert (one.reader.trouble, one.fake.limited) == ("", [])
        one.fake.down = True
        await one.look(3)
        assert "Clio answers 503" in one.reader.trouble
        assert one.sees(ben, matter)
        one.fake.down = False
        one.fake.person(3, "Cat")
        await one.settled()
        assert len(one.directory.firm.active_staff) == 3


@pytest.mark.parametrize("rotates", [False, True])
async def test_S1_clios_tokens_are_renewed_and_kept_encrypted(store: Store, tmp_path: Path, rotates: bool) -> None:
    async with connected_to_clio(store, tmp_path, let_in=False) as one:
        small_office(one.fake)
        await one.look()
        assert "firm-bridge clio connect" in one.reader.trouble
        client = client_of(one.settings)
        key = make_key(client)
        one.fake.rotates = rotates
        await store.run(keep_tokens, "clio", key, Tokens("access-old", "refresh-1", 0))
        await one.look()
        assert one.reader.trouble == ""
        sealed = await store.read(sealed_tokens, "clio")
        assert "refresh" not in sealed
        assert opened(client, key, sealed).refresh == one.fake.refresh == ("refresh-2" if rotates else "refresh-1")
        one.fake.revoked = True
        one.fake.expired = {"access-1"}
        await one.look()
        assert "Clio lets the bridge in no longer" in one.reader.trouble


async def test_a_wrong_region_is_said_as_what_it_may_be(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path, client_secret="of another region") as one:
        await one.look()
        assert "Compare clio.region, client_id and client_secret" in one.reader.trouble


async def test_the_check_says_whether_clio_lets_the_bridge_in(store: Store, tmp_path: Path) -> None:
    async with connected_to_clio(store, tmp_path) as one:
        assert (await clio_finding(one.settings, store)).state is Verdict.MISSING
        one.fake.settle()
        await one.look()
        found = await clio_finding(one.settings, store)
        assert (found.state, "nobody in any group" in found.what) == (Verdict.WARNING, True)
        small_office(one.fake)
        assert (await clio_finding(one.settings, store)).state is Verdict.OK
        one.fake.person(3, "Cat", email="cat at\u202e home")
        one.fake.person(4, "Dot", email="BEN@firm.example")
        one.fake.person(5, "Eve", email="eve at home", enabled=False)
        one.fake.settle()
        found = await clio_finding(one.settings, store)
        assert found.state is Verdict.WARNING
        assert found.what.endswith("they are nobody here: 'cat at\\u202e home', 'BEN@firm.example'.")


async def test_each_request_waits_for_its_turn(store: Store, tmp_path: Path) -> None:
    taken: list[str] = []

    class Counted(Bucket):
        async def take(self) -> None:
            taken.append("")

    async with connected_to_clio(store, tmp_path) as one, ClioApi(one.settings, store, Counted(1, 1)) as api:
        one.fake.expired = {"access-1"}
        await api.whole("/users.json", "id")
    assert len(taken) == len(one.fake.asked)


async def test_no_minute_has_more_requests_than_clio_allows() -> None:
    time, sent = [0.0], list[float]()

    async def sleep(seconds: float) -> None:
        time[0] += seconds

    bucket = Bucket((50 - 5) / 60, 5, clock=lambda: time[0], sleep=sleep)
    for _ in range(200):
        await bucket.take()
        sent.append(time[0])
    assert max(sum(begin <= at < begin + 60 for at in sent) for begin in sent) <= 50


_LONG = os.environ.get("FIRM_BRIDGE_SOURCES") == "long"
_EXAMPLES = 300 if _LONG else 5
_STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["in", "out", "responsible", "status"]), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.sampled_from(["leave", "return", "everybody", "some", "delete"]), st.integers(0, 2), st.just(0)),
        st.tuples(st.sampled_from(["settle", "look", "end"]), st.just(0), st.just(0)),
        st.tuples(st.just("webhook"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("trouble"), st.integers(0, 3), st.just(0)),
    ),
    max_size=25,
)


@pytest.mark.timeout(1800 if _LONG else 120)
@settings(max_examples=_EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_STEPS)
def test_S2_after_the_dust_settles_the_directory_is_what_clio_says(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_driven(steps, Path(folder)))


async def _driven(steps: list[tuple[str, int, int]], folder: Path) -> None:
    fake, address = FakeClio(page=2), "https://x.example"
    async with store_in(folder) as store, connected_to_clio(store, folder, fake, webhook_url=address) as one:
        await _walk(one, steps)


async def _walk(one: ConnectedToClio, steps: list[tuple[str, int, int]]) -> None:
    fake = one.fake
    staff = [fake.person(number + 1, name) for number, name in enumerate(("Ann", "Ben", "Cat", "Dot"))]
    matters = [fake.matter(number) for number in range(1, 4)]
    for matter in matters:
        fake.group(900 + matter, *staff[:2])
    ever: set[tuple[int, int]] = set()
    for step in steps:
        await _step(one, step, staff, matters)
        ever.update((who, what) for who in staff for what in matters if fake.could_see(who, what))
        for who in staff:
            for what in matters:
                assert not one.sees(who, what) or (who, what) in ever
    fake.limited.clear()
    await one.settled()
    for who in staff:
        for what in matters:
            assert one.sees(who, what) == fake.may_see(who, what)


async def _step(one: ConnectedToClio, step: tuple[str, int, int], staff: list[int], matters: list[int]) -> None:
    fake, (what, first, _) = one.fake, step
    match what:
        case "settle":
            fake.settle()
        case "look":
            await one.look()
        case "end":
            fake.webhooks.clear()
        case "webhook":
            # Lost where nobody subscribed, and doubled.
            await fake.tell(matters[first])
            await fake.tell(matters[first])
            await one.hear()
        case "trouble":
            troubles: tuple[tuple[int, str], ...] = ((429, "1"), (500, ""), (401, ""), (403, ""))
            fake.limited.append(troubles[first])
        case _:
            _change(fake, step, staff, matters)


def _change(fake: FakeClio, step: tuple[str, int, int], staff: list[int], matters: list[int]) -> None:
    what, first, second = step
    members = fake.world.groups[900 + matters[second]]["users"]
    person = {"id": staff[first]}
    match what:
        case "in" | "out":
            members[:] = [each for each in members if each != person] + ([person] if what == "in" else [])
        case "responsible":
            fake.matter(matters[second], responsible_attorney=person)
        case "status":
            fake.matter(matters[second], status=("Open", "Pending", "Closed")[first])
        case "leave" | "return":
            fake.world.users[staff[first]]["enabled"] = what == "return"
        case "everybody" | "some":
            fake.matter(matters[first], group={"id": EVERYBODY if what == "everybody" else 900 + matters[first]})
        case "delete":
            fake.world.matters.pop(matters[first], None)
