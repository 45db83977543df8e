"""Smokeball as a source, against a fake that shifts, refuses, forgets and lags (S1, S2, S3)."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.directory.smokeball.hosts import client_of
from bridge.directory.smokeball.mirror import version_of
from bridge.directory.smokeball.webhooks import hints_of, is_genuine, keep_subscription, signature, ticks
from bridge.directory.sources.asking import Bucket, wait_of
from bridge.directory.sources.port import Hint
from bridge.directory.sources.tokens import Tokens, keep_tokens, make_key, opened, sealed_tokens
from bridge.firm.model import MatterStatus
from bridge.store.engine.store import Store
from tests.component.sources.connected import Connected, connected, store_in
from tests.fakes.smokeball import FakeSmokeball, link, uuid


def small_firm(fake: FakeSmokeball) -> tuple[str, str, str]:
    """Ann, Ben, and a matter of Ann's for a client."""
    ann, ben = fake.person(1, "Ann", role="Partner"), fake.person(2, "Ben")
    client = fake.contact(1, "Brightwater Marina")
    matter = fake.matter(1, personResponsible=link(ann), clients=[link(client)])
    fake.world.policies[matter] = []
    fake.settle()
    return ann, ben, matter


async def test_S1_staff_and_matters_come_as_they_are(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        firm = one.directory.firm
        assert (firm.staff[ann].name, firm.staff[ann].role) == ("Ann Finch", "Partner")
        assert (firm.matters[matter].client, firm.matters[matter].responsible) == ("Brightwater Marina", ann)
        assert one.sees(ben, matter)


async def test_S2_a_matter_is_open_to_its_team_alone_until_its_deny_list_is_known(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.look()
        assert one.sees(ann, matter)
        assert not one.sees(ben, matter)


@pytest.mark.parametrize(("deny", "ann_sees"), [("restriction", True), ("wall", False)])
async def test_M3_who_is_denied_is_out(store: Store, tmp_path: Path, deny: str, ann_sees: bool) -> None:
    async with connected(store, tmp_path, deny=deny) as one:
        ann, ben, matter = small_firm(one.fake)
        cat = one.fake.person(3, "Cat")
        group = uuid(5000)
        one.fake.world.groups[group] = {"id": group, "name": "G", "principalIds": [one.fake.user_of(ben)]}
        one.fake.world.policies[matter] = [group, one.fake.user_of(ann)]
        await one.settled()
        assert (one.sees(ann, matter), one.sees(ben, matter), one.sees(cat, matter)) == (ann_sees, False, True)
        # Whom the deny-list names is not listed any more: nobody knows who is meant.
        del one.fake.world.groups[group]
        await one.settled()
        assert not one.sees(ben, matter)
        one.fake.world.policies[matter] = []
        await one.settled()
        assert one.sees(ben, matter)


async def test_M4_closed_archived_and_reopened(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, _, matter = small_firm(one.fake)
        await one.settled()
        one.fake.matter(1, status="Closed")
        one.fake.settle()
        await one.look()
        assert one.directory.firm.matters[matter].status is MatterStatus.CLOSED
        one.fake.matter(1, status="Open")
        one.fake.world.archived.add(matter)
        await one.settled()
        assert one.directory.firm.matters[matter].status is MatterStatus.CLOSED
        one.fake.world.archived.clear()
        await one.settled()
        assert one.directory.firm.matters[matter].status is MatterStatus.OPEN


async def test_S3_who_is_taken_out_of_smokeball_has_left(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, _ = small_firm(one.fake)
        await one.settled()
        one.fake.world.users[one.fake.user_of(ben)]["isFormerUser"] = True
        await one.settled()
        assert one.directory.firm.active_staff == {ann}
        del one.fake.world.staff[ben]
        await one.settled()
        assert one.directory.firm.staff[ben].former


async def test_S1_a_list_that_shifts_while_it_is_read_is_read_whole(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path, FakeSmokeball(page=3)) as one:
        small_firm(one.fake)
        for number in range(10, 24):
            one.fake.matter(number)
        one.fake.settle()

        matters = one.fake.shown.matters
        before = set(matters)
        new = iter(range(100, 110))

        def shift() -> None:
            # Away at the front and new at the end, so that the size is the same.
            del matters[next(iter(matters))]
            added = one.fake.matter(next(new))
            matters[added] = one.fake.world.matters[added]

        one.fake.on_page = [lambda: None] * 4 + [shift, shift]
        found = {each["id"] for each in await one.api.whole("/matters")}
        # Whoever was there all the time is there, and each once.
        assert before & matters.keys() <= found
        assert len(matters) == len(before)


async def test_S1_limits_ends_of_tokens_and_errors_are_waited_out(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        small_firm(one.fake)
        await one.look()
        one.fake.limited = [(429, "2"), (429, ""), (500, ""), (503, "1")]
        one.fake.expired = {"access-1"}
        await one.look()
        assert one.reader.trouble == ""
        assert one.fake.limited == []


async def test_S1_a_day_without_smokeball_leaves_the_firm(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, matter = small_firm(one.fake)
        await one.settled()
        one.fake.down = True
        await one.look(3)
        assert "answers 503" in one.reader.trouble
        assert one.directory.standings[0].trouble
        assert one.sees(ben, matter)
        one.fake.down = False
        one.fake.person(3, "Cat")
        await one.settled()
        assert one.reader.trouble == ""
        assert len(one.directory.firm.active_staff) == 3
        assert ann in one.directory.firm.active_staff


async def test_S1_tokens_are_renewed_rotated_and_kept_encrypted(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path, account_id="") as one:
        small_firm(one.fake)
        await one.look()
        assert "Nobody has let the bridge into Smokeball yet" in one.reader.trouble
        key = make_key(client_of(one.settings))
        assert (tmp_path / "smokeball.key").stat().st_mode & 0o077 == 0
        await store.run(keep_tokens, "smokeball", key, Tokens("access-old", "refresh-1", 0))
        await one.look()
        assert one.reader.trouble == ""
        sealed = await store.read(sealed_tokens, "smokeball")
        assert "refresh" not in sealed
        assert opened(client_of(one.settings), key, sealed).refresh == one.fake.refresh != "refresh-1"
        one.fake.revoked = True
        one.fake.expired = {"access-1"}
        await one.look()
        assert "firm-bridge smokeball connect" in one.reader.trouble


class Killed(BaseException):
    """As by kill -9."""


async def test_S1_killed_as_tokens_were_renewed_it_goes_on_with_the_new_ones(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(name: str) -> None:
        if name == "source.renewed":
            raise Killed

    async with connected(store, tmp_path, account_id="") as one:
        small_firm(one.fake)
        key = make_key(client_of(one.settings))
        await store.run(keep_tokens, "smokeball", key, Tokens("access-old", "refresh-1", 0))
        with monkeypatch.context() as armed:
            armed.setattr("bridge.faults.point", die)
            with pytest.raises(Killed):
                await one.look()
        assert (
            opened(client_of(one.settings), key, await store.read(sealed_tokens, "smokeball")).refresh
            == one.fake.refresh
            != "refresh-1"
        )
        await one.look()
        assert one.reader.trouble == ""


async def test_S2_a_hint_is_read_back(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, ben, matter = small_firm(one.fake)
        await one.settled()
        one.fake.asked.clear()
        one.fake.world.policies[matter] = [one.fake.user_of(ben)]
        one.fake.settle()
        one.reader.hint(Hint("matters", matter))
        one.reader.hint(Hint("matters", uuid(9999)))
        await one.reader.run()
        await one.directory.refresh()
        assert not one.sees(ben, matter)
        assert "GET /staff" not in one.fake.asked


async def test_S2_an_older_answer_takes_nothing_back(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, ben, matter = small_firm(one.fake)
        one.fake.world.policies[matter] = [one.fake.user_of(ben)]
        one.fake.matter(1, personAssisting=link(ben))
        await one.settled()
        older = dict(one.fake.world.matters[matter])
        one.fake.matter(1, personAssisting=None)
        await one.settled()
        assert not one.sees(ben, matter)
        one.fake.shown.matters[matter] = older
        one.reader.hint(Hint("matters", matter))
        await one.reader.run()
        await one.directory.refresh()
        assert not one.sees(ben, matter)


async def test_S2_it_goes_on_after_a_new_start(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, ben, matter = small_firm(one.fake)
        await one.settled()
        async with connected(store, tmp_path, one.fake) as again:
            again.now[0] = one.now[0]
            one.fake.asked.clear()
            await again.look()
            assert again.sees(ben, matter)
            assert not [each for each in one.fake.asked if "policies" in each]


async def test_S2_one_subscription_is_kept(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        assert await keep_subscription(one.api, "https://bridge/x", "k")
        assert not await keep_subscription(one.api, "https://bridge/x", "k2")
        (kept,) = one.fake.webhooks.values()
        assert kept["key"] == "k2"
        assert "roles.updated" in kept["eventTypes"]
        one.fake.webhooks["other"] = {**kept, "id": "other"}
        await keep_subscription(one.api, "https://bridge/x", "k")
        assert len(one.fake.webhooks) == 1
        one.fake.webhooks.clear()
        assert await keep_subscription(one.api, "https://bridge/x", "k")


def test_S2_only_a_genuine_webhook_of_now_is_taken() -> None:
    def headers(at: float, **more: str) -> dict[str, str]:
        stamp = str(ticks(at))
        return {"Timestamp": stamp, "RequestId": "r", "Signature": signature("k", stamp, "r", "c"), **more}

    assert is_genuine(headers(1000), "k", "c", 1000)
    assert is_genuine(headers(1000), "k", "c", 1299)
    assert not is_genuine(headers(1000), "k", "c", 1301)
    assert not is_genuine(headers(1000, RequestId="other"), "k", "c", 1000)
    assert not is_genuine(headers(1000, Timestamp=str(ticks(1001))), "k", "c", 1000)
    assert not is_genuine(headers(1000), "other", "c", 1000)
    for wrong in ({}, {"Signature": "é"}, headers(1000, Timestamp="-1"), headers(1000, Timestamp="9" * 40)):
        assert not is_genuine(wrong, "k", "c", 1000)


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        (b'{"type":"matter.updated","payload":{"id":"m-1"}}', (Hint("matters", "m-1"), None)),
        (b'{"body":{"type":"roles.updated","payload":{"id":"r","matterId":"m-1"}}}', (Hint("matters", "m-1"), None)),
        (b'{"type":"staff.updated","payload":{"id":"s"}}', (Hint("staff", "s"),)),
        (b'{"type":"fee.created","payload":{"id":"s"}}', ()),
        (b'{"type":"matter.updated","payload":{"id":"../staff"}}', (None,)),
        (b'{"type":["x"],"payload":{"id":1}}', (None,)),
        (b"[" * 100_000, (None,)),
        (b"", (None,)),
    ],
)
def test_S2_a_webhook_is_a_hint_whatever_is_in_it(body: bytes, hints: tuple[Hint | None, ...]) -> None:
    assert hints_of(body) == hints


async def test_the_bucket_lets_five_through_and_then_five_a_second() -> None:
    time = [0.0]

    async def sleep(seconds: float) -> None:
        time[0] += seconds

    bucket = Bucket(5, 5, clock=lambda: time[0], sleep=sleep)
    for _ in range(25):
        await bucket.take()
    assert time[0] == pytest.approx(4)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert wait_of("7", 0) == 7
    assert wait_of("", 1) == 1
    assert wait_of("Wed, 21 Oct 2015 07:28:00 GMT", 0) == 0.5
    assert wait_of("999999", 0) == 120


@pytest.mark.parametrize("odd", ["\u00b2", "-1", "Wed, 99999999999999999999 Oct 2015 07:28:00 GMT", "0" * 5000 + "x"])
def test_what_retry_after_may_not_be_is_waited_for_as_where_there_is_none(odd: str) -> None:
    assert wait_of(odd, 1) == 1


def test_retry_after_is_bounded_at_both_ends_of_time() -> None:
    for odd in ("9" * 5000, "Mon, 01 Jan 0001 00:00:00 +2300", "Fri, 31 Dec 9999 23:59:59 -2300"):
        assert 0 < wait_of(odd, 0) <= 120


@pytest.mark.parametrize("odd", ["\u00b2", "\u0663", "9" * 5000, "-1", "", None])
def test_a_version_that_is_no_number_is_none(odd: str | None) -> None:
    assert version_of({"versionId": odd}) == 0


_STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("deny"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("allow"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("bar"), st.integers(0, 2), st.integers(0, 4)),
        st.tuples(st.just("assist"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("status"), st.integers(0, 2), st.integers(0, 2)),
        st.tuples(st.just("leave"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("return"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("settle"), st.just(0), st.just(0)),
        st.tuples(st.just("look"), st.just(0), st.just(0)),
        st.tuples(st.just("webhook"), st.integers(0, 2), st.just(0)),
        st.tuples(st.just("trouble"), st.integers(0, 3), st.just(0)),
    ),
    max_size=25,
)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=_STEPS)
def test_S2_after_the_dust_settles_the_directory_is_what_smokeball_says(steps: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_driven(steps, Path(folder)))


async def _driven(steps: list[tuple[str, int, int]], folder: Path) -> None:
    async with store_in(folder) as store, connected(store, folder, FakeSmokeball(page=2)) as one:
        await _walk(one, steps)


async def _walk(one: Connected, steps: list[tuple[str, int, int]]) -> None:
    fake = one.fake
    staff = [fake.person(number, name) for number, name in enumerate(("Ann", "Ben", "Cat", "Dot"))]
    matters = [fake.matter(number) for number in range(3)]
    fake.world.policies[matters[0]] = []
    ever: set[tuple[str, str]] = set()

    def note() -> None:
        ever.update((who, what) for who in staff for what in matters if fake.could_see(who, what))

    for step in steps:
        await _step(one, step, staff, matters)
        note()
        for who in staff:
            for what in matters:
                assert not one.sees(who, what) or (who, what) in ever
    fake.limited.clear()
    fake.down = False
    await one.settled()
    for who in staff:
        for what in matters:
            assert one.sees(who, what) == fake.may_see(who, what)


async def _step(one: Connected, step: tuple[str, int, int], staff: list[str], matters: list[str]) -> None:
    fake, (what, first, second) = one.fake, step
    world = fake.world
    match what:
        case "deny":
            world.policies.setdefault(matters[second], []).append(fake.user_of(staff[first]))
        case "allow":
            denied = world.policies.get(matters[second], [])
            world.policies[matters[second]] = [one for one in denied if one != fake.user_of(staff[first])]
        case "bar":
            world.bars[fake.user_of(staff[first])] = ([], ["matters"], *([f"matters/{each}"] for each in matters))[
                second
            ]
        case "assist":
            fake.matter(second, personAssisting=link(staff[first]))
        case "status":
            fake.matter(second, status=("Open", "Closed", "Deleted")[first])
        case "leave" | "return":
            world.staff[staff[first]]["former"] = what == "leave"
        case "settle":
            fake.settle()
        case "look":
            await one.look()
        case "webhook":
            one.reader.hint(Hint("matters", matters[first]))
            await one.reader.run()
            await one.directory.refresh()
        case _:
            troubles: tuple[Any, ...] = ((429, "1"), (500, ""), (401, ""), (403, ""))
            fake.limited.append(troubles[first])
