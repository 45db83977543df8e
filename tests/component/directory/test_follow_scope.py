"""Following what a change touches ends where a look at everything would, for any two firms and any two days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st

from bridge.firm.conversation import ADMINS_ID, Conversation, ConversationKind, direct_id
from bridge.firm.model import ChannelSeed, Firm
from bridge.firm.room_keys import STAFF_SPACE
from bridge.reconcile.planning.desired import Desired, desired, desired_of_stored
from bridge.reconcile.planning.scope import touched
from bridge.settings import AppserviceSettings, FirmSettings, HomeserverSettings, PinSettings, Settings
from bridge.store.engine.backends import backend_for
from bridge.store.engine.migrating import migrate
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.rooms.accounts import add_accounts, all_accounts
from bridge.store.rooms.conversations import NewConversation, add_conversations
from bridge.store.rooms.made import record_room, rooms_of, write_intent
from bridge.store.rooms.participants import add_participants, keep_participants, remove_participant
from bridge.store.rooms.world import Extent, World, load_conversations, world_where
from tests.component.conftest import own_database
from tests.unit.directory.test_directory_change import PEOPLE, TODAY, firm_of, firms, matter

YESTERDAY = date(2026, 11, 22)
SETTINGS = Settings(
    homeserver=HomeserverSettings(url="http://127.0.0.1:1", server_name="firm.example"),
    appservice=AppserviceSettings(as_token="as-token-of-the-tests", hs_token="hs-token-of-the-tests"),
    firm=FirmSettings(name="Finch", admin_roles=("Owner",)),
    security={"alias_key": "alias-key-of-the-tests-0001"},
)
ADMINS_PIN = SETTINGS.model_copy(update={"pins": PinSettings(who="firm_admins")})


class TakenBack(Exception):
    """Ends an example, so that the database is as before."""


@st.composite
def full_firms(draw: st.DrawFn) -> Firm:
    firm = draw(firms())
    roles = draw(st.fixed_dictionaries({one: st.sampled_from(["Owner", "Clerk"]) for one in PEOPLE}))
    seeds = draw(st.lists(st.sampled_from(["Tides", "Moon"]), unique=True))
    return replace(
        firm,
        staff={one: replace(person, role=roles[one]) for one, person in firm.staff.items()},
        channels={one: ChannelSeed(one, participants=draw(st.sampled_from([("ann",), ("team",)]))) for one in seeds},
    )


@pytest.fixture(scope="module")
def unit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unit]:
    with own_database(tmp_path_factory.mktemp("scope")) as url:
        backend = backend_for(url)
        backend.connect()
        migrate(backend)
        yield Unit(backend.database)
        backend.database.close()


def load_world(unit: ReadUnit) -> World:
    return replace(world_where(unit, "1 = 1"), accounts=all_accounts(unit), rooms=rooms_of(unit, None))


def settle(
    unit: Unit, firm: Firm, settings: Settings, day: date, talks: list[frozenset[str]], left: list[str]
) -> World:
    """Store what there should be for this firm and what people did, as after a pass over everything."""
    wanted = desired(firm, load_world(unit), settings, day)
    add_accounts(unit, dict(wanted.new_localparts))
    directs = [
        Conversation(direct_id(some), ConversationKind.DIRECT, participants=some)
        for some in talks
        if some <= firm.active_staff
    ]
    add_conversations(unit, [*wanted.new_conversations, *map(NewConversation, directs)])
    for conversation_id, people in wanted.new_participants.items():
        add_participants(unit, conversation_id, people, "", returning=False)
    if wanted.new_admins is not None:
        keep_participants(unit, ADMINS_ID, wanted.new_admins)
    channels = [one.conversation for one in wanted.new_conversations if one.conversation.kind.value == "channel"]
    for place, staff_id in enumerate(one for one in left if one in firm.active_staff):
        add_participants(unit, channels[place % len(channels)].id, [staff_id], "")
        remove_participant(unit, channels[place % len(channels)].id, PEOPLE[place % 5], 1 << 50, by="")
    for staff_id in left:
        for talk in directs:
            remove_participant(unit, talk.id, staff_id, 1 << 50, by=staff_id)
    for key in desired_of_stored(firm, load_world(unit), settings, day).shapes:
        write_intent(unit, key, f"alias-{key}")
        record_room(unit, key, f"!{key}")
    return load_world(unit)


def compare(unit: ReadUnit, before: Firm, then: date, now: Firm, settings: Settings, world: World) -> Extent | None:
    extent = touched(before, then, now, TODAY, settings)
    if extent is None:
        return None
    part = replace(load_conversations(unit, extent), accounts=all_accounts(unit))
    old, new = desired_of_stored(before, world, settings, then), desired(now, world, settings, TODAY)
    old_part = desired_of_stored(before, part, settings, then, extent)
    new_part = desired(now, part, settings, TODAY, extent)
    same_news(new, new_part)
    if not extent.channels and STAFF_SPACE in new_part.shapes:
        # Of the staff space only who is in it was looked at.
        assert old.shapes[STAFF_SPACE].children == new.shapes[STAFF_SPACE].children
        old, new = members_only(old), members_only(new)
    for key, shape in new.shapes.items():
        if old.shapes.get(key) != shape or key not in world.rooms:
            assert new_part.shapes.get(key) == shape, key
            assert old_part.shapes.get(key) == old.shapes.get(key), key
    for key, shape in new_part.shapes.items():
        assert new.shapes[key] == shape, f"only a part of {key} was looked at"
        assert part.rooms.get(key) == world.rooms.get(key)
    return extent


def members_only(whole: Desired) -> Desired:
    return replace(
        whole, shapes={**whole.shapes, STAFF_SPACE: replace(whole.shapes[STAFF_SPACE], children={}, list_stays=True)}
    )


def same_news(whole: Desired, part: Desired) -> None:
    assert {one.conversation.id: one for one in part.new_conversations} == {
        one.conversation.id: one for one in whole.new_conversations
    }
    for what in ("new_participants", "new_localparts", "departed", "new_admins", "user_ids"):
        assert getattr(part, what) == getattr(whole, what), what


talks = st.lists(st.frozensets(st.sampled_from(PEOPLE), min_size=2, max_size=3), max_size=3, unique=True)


@hypothesis(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=200
)
@given(
    before=full_firms(),
    now=full_firms(),
    then=st.sampled_from([YESTERDAY, TODAY]),
    direct=talks,
    left=st.lists(st.sampled_from(PEOPLE), max_size=3),
    admins_pin=st.booleans(),
)
def test_M3_F2_a_part_of_the_firm_is_enough_to_follow_what_changed(
    unit: Unit, before: Firm, now: Firm, then: date, direct: list[frozenset[str]], left: list[str], admins_pin: bool
) -> None:
    settings = ADMINS_PIN if admins_pin else SETTINGS
    # What is the same in both is the same for the rest of the firm too.
    now = replace(
        now, matters={**now.matters, **{key: before.matters[key] for key in ("m0",) if key in before.matters}}
    )
    with pytest.raises(TakenBack), unit.database.atomic():
        compare(unit, before, then, now, settings, settle(unit, before, settings, then, direct, left))
        raise TakenBack


def test_one_title_touches_one_matter() -> None:
    before = firm_of(matter(1), matter(2))
    now = firm_of(matter(1, title="Another"), matter(2))
    assert touched(before, TODAY, now, TODAY, SETTINGS) == Extent(frozenset({"m1"}))
    assert touched(before, TODAY, before, TODAY, SETTINGS) == Extent()
