"""Following a change of the directory, or of the day, ends where a pass over everything would, whatever changes."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from bridge.clock import firm_today
from bridge.firm.model import ChannelSeed, Firm, Group, Matter, MatterStatus, Staff, Wall, WallKind
from bridge.settings import FirmSettings
from bridge.store.engine.store import Store
from bridge.store.rooms.made import room_of
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, ESTATE_TALK, make_firm
from tests.component.conftest import own_database
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.homeserver import FakeHomeserver

TODAY = firm_today(FirmSettings(name="Firm"))
TOMORROW = TODAY + timedelta(1)
FROM_TOMORROW = Wall("w1", matter_id="m1", people=("b",), since=TOMORROW)
UNTIL_TODAY = Wall("w1", matter_id="m1", people=("b",), expires=TODAY)
IDS = ("a", "b", "c", "d")
some_people = st.lists(st.sampled_from(IDS), max_size=3, unique=True).map(tuple)
some_principals = st.lists(st.sampled_from([*IDS, "g"]), max_size=3, unique=True).map(tuple)
usually = st.sampled_from([True, True, True, False])


def person(known: Staff) -> st.SearchStrategy[Staff]:
    return st.builds(
        Staff,
        st.just(known.id),
        st.just(known.first_name),
        st.sampled_from([known.last_name, "Quill"]),
        st.just(known.email),
        st.sampled_from(["Owner", "Associate"]),
        former=usually.map(lambda yes: not yes),
        enabled=usually,
    )


def matter(matter_id: str) -> st.SearchStrategy[Matter]:
    return st.builds(
        Matter,
        st.just(matter_id),
        st.just(f"2026-{matter_id}"),
        st.sampled_from(["Estate", "Sale"]),
        st.sampled_from([MatterStatus.OPEN, MatterStatus.OPEN, *MatterStatus]),
        responsible=st.sampled_from(IDS),
        assisting=some_people,
        restricted=st.booleans(),
        allowed=some_principals,
    )


walls = st.builds(
    Wall,
    st.sampled_from(["w1", "w2"]),
    st.sampled_from(WallKind),
    st.sampled_from(["m1", "m2"]),
    people=some_principals,
    since=st.sampled_from([None, TODAY, TOMORROW]),
    expires=st.sampled_from([None, TODAY, TOMORROW]),
)


@st.composite
def firms(draw: st.DrawFn) -> Firm:
    staff = draw(st.tuples(*map(person, (ANN, BEN, CLEO, DAN))))
    matters = {which: draw(matter(which)) for which in ("m1", "m2") if draw(usually)}
    found = draw(st.lists(walls, max_size=2, unique_by=lambda wall: wall.id))
    seeds = [ChannelSeed("Litigation", "Disputes", draw(some_principals))] if draw(st.booleans()) else []
    return Firm(
        staff={one.id: one for one in staff},
        matters=matters,
        groups={"g": Group("g", "Property", draw(some_people))},
        walls={wall.id: wall for wall in found if wall.matter_id in matters},
        channels={seed.name: seed for seed in seeds},
    )


async def leave(on: FirmOnFake) -> None:
    """Let Ben leave the matter's conversation in his client, if he is in it."""
    room_id = await on.store.run(room_of, ESTATE_TALK)
    if room_id is not None and on.user(BEN) in on.fake.rooms[room_id].joined:
        on.fake.leave(room_id, on.user(BEN))
        await on.hear()


@settings(
    max_examples=30,
    deadline=None,
    # Making an example smaller would take minutes.
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@example(chain=[make_firm(matters=[replace(ESTATE, assisting=())]), make_firm()], overnight=False, leaves=False)
@example(chain=[make_firm(walls=[FROM_TOMORROW])] * 2, overnight=True, leaves=False)
@example(chain=[make_firm(walls=[UNTIL_TODAY])] * 2, overnight=True, leaves=True)
@given(chain=st.lists(firms(), min_size=2, max_size=3), overnight=st.booleans(), leaves=st.booleans())
async def test_following_ends_where_a_whole_pass_would(
    chain: list[Firm], overnight: bool, leaves: bool, new_database: str, tmp_path: Path
) -> None:
    days = [TODAY]
    with ExitStack() as stack, capture_logs():
        store = Store(stack.enter_context(own_database(tmp_path, new_database)))
        await store.open()
        for module in ("bridge.reconcile.service", "tests.component.firm_on_fake"):
            stack.enter_context(patch(f"{module}.firm_today", lambda _: days[-1]))
        async with FakeHomeserver() as fake, firm_on_fake(fake, store, chain[0]) as on:
            if leaves:
                await leave(on)
            for firm in chain[1:]:
                before, on.firm = on.firm, firm
                days += [TOMORROW] * overnight
                outcome = await on.reconciler.passes.follow(before, days[0 if len(days) == 1 else -2])
                assert outcome.failed == ()
                await on.hear()
                plan = await on.reconciler.planner.plan()
                assert [step.describe() for step in plan.steps] == []
        await store.close()
