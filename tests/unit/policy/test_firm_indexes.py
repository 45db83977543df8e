"""What a firm looks up quickly is what it would find by going through everything."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.model import Firm, Group, Matter, MatterRole, Staff, Wall

PEOPLE = ("a", "b", "c", "board")
GROUPS = ("team", "board", "circle")
MATTERS = ("m0", "m1", "m2")
CLIENTS = ("Hollis", "HOLLIS", "Straße & Co", "STRASSE & CO", "Quill")
principals = st.lists(st.sampled_from([*PEOPLE, *GROUPS, "nobody"]), max_size=4).map(tuple)
groups = st.lists(
    st.builds(Group, st.sampled_from(GROUPS), st.just(""), principals, st.booleans()), unique_by=lambda one: one.id
)
walls = st.lists(
    st.builds(Wall, st.sampled_from(["w0", "w1", "w2", "w3"]), matter_id=st.sampled_from(MATTERS))
    | st.builds(Wall, st.sampled_from(["w4", "w5", "w6"]), client=st.sampled_from(CLIENTS)),
    unique_by=lambda one: one.id,
)


@st.composite
def firms(draw: st.DrawFn) -> Firm:
    def a_matter(matter_id: str) -> Matter:
        clients = draw(st.lists(st.sampled_from(CLIENTS), max_size=3))
        roles = tuple(MatterRole("Party", client, is_client=draw(st.booleans())) for client in clients)
        return Matter(matter_id, matter_id, "", roles=roles)

    staff = draw(st.lists(st.sampled_from(PEOPLE), unique=True))
    return Firm(
        staff={one: Staff(one, one, "", "") for one in staff},
        matters={one: a_matter(one) for one in draw(st.lists(st.sampled_from(MATTERS), unique=True))},
        groups={one.id: one for one in draw(groups)},
        walls={one.id: one for one in draw(walls)},
    )


def behind(firm: Firm, given_ids: Iterable[str], seen: frozenset[str] = frozenset()) -> set[str]:
    found: set[str] = set()
    for one in given_ids:
        if one in firm.staff:
            found.add(one)
        elif one in firm.groups and not firm.groups[one].deleted and one not in seen:
            found |= behind(firm, firm.groups[one].members, seen | {one})
    return found


def stands_around(wall: Wall, matter: Matter) -> bool:
    own = {client.casefold() for client in matter.clients}
    return wall.matter_id == matter.id or (bool(wall.client) and wall.client.casefold() in own)


@given(firms(), principals)
def test_people_of_a_list_are_those_behind_it_however_they_are_asked_for(firm: Firm, asked: tuple[str, ...]) -> None:
    expected = behind(firm, asked)
    assert firm.people(asked) == expected
    assert {one for one in [*PEOPLE, *GROUPS, "nobody"] if firm.names(asked, one)} == expected


@given(firms())
def test_M3_walls_and_matters_find_each_other_in_the_order_of_the_directory(firm: Firm) -> None:
    for matter in firm.matters.values():
        expected = tuple(wall for wall in firm.walls.values() if stands_around(wall, matter))
        assert firm.walls_around(matter) == expected
    for wall in firm.walls.values():
        covered = {matter.id for matter in firm.matters.values() if stands_around(wall, matter)}
        assert {matter.id for matter in firm.walled_by(wall)} == covered
