"""Notifications with names, and fields of one's own in profiles, are found and ended (F3, F4)."""

from __future__ import annotations

from typing import Any

from bridge.care.accounts import tidy_accounts
from tests.cast import ANN, BEN, CLEO, EVE
from tests.component.firm_on_fake import FirmOnFake
from tests.fakes.faults import refusal

Json = dict[str, Any]


def pusher(key: str, **data: str) -> Json:
    return {
        "app_id": "app",
        "pushkey": key,
        "kind": "http",
        "app_display_name": "Some *Client*",
        "data": {"url": "x", **data},
    }


async def no_pause(_: float) -> None:
    """Nobody waits behind this."""


async def test_F4_pushers_that_are_sent_names_are_ended_and_their_owners_told(on: FirmOnFake) -> None:
    ann, eve = on.fake.accounts[on.user(ANN)], on.fake.accounts.get(on.user(EVE))
    ann.pushers = [
        pusher("1"),
        pusher("2", format="event_id_only"),
        pusher("3", format="full"),
        {**pusher("4"), "data": None},
    ]
    assert eve is None or not eve.pushers
    assert await tidy_accounts(on.desk, sleep=no_pause) == 1
    assert [one["pushkey"] for one in ann.pushers] == ["2"]
    told = [one.body for one in await on.said() if "notifications" in one.body]
    assert len(told) == 3
    assert all(body.startswith("I ended the notifications of Some *Client*") for body in told)
    assert await tidy_accounts(on.desk, sleep=no_pause) == 0
    assert not await on.said()


async def test_F3_fields_of_ones_own_leave_the_profile(on: FirmOnFake) -> None:
    ben = on.fake.accounts[on.user(BEN)]
    ben.fields = {"org.example.title": "Senior Partner", "m.tz": "Europe/Berlin"}
    assert await tidy_accounts(on.desk, sleep=no_pause) == 1
    assert not ben.fields


async def test_one_account_that_cannot_be_tidied_stops_no_other(on: FirmOnFake) -> None:
    on.fake.script("GET", f"/users/{on.user(ANN)}/pushers", refusal(403, "M_FORBIDDEN"))
    on.fake.accounts[on.user(CLEO)].fields = {"org.example.title": "Boss"}
    assert await tidy_accounts(on.desk, sleep=no_pause) == 1
    assert not on.fake.accounts[on.user(CLEO)].fields
