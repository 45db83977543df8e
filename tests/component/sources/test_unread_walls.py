"""A wall that cannot be read: whom it may name is out, whichever source says who is on the team (M3, S3)."""

from __future__ import annotations

import pytest

from bridge.directory.problems import DirectoryError
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.keeping import keep_read
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import SourceRead, SourceRecord, Value
from bridge.directory.sources.union import Sources
from bridge.firm.model import Firm
from bridge.firm.policy import with_access
from bridge.store.engine.store import Store
from bridge.wording.walls import shown_wall
from tests.component.sources.connected import DAY

PEOPLE = ("ann", "ben", "cat", "dan")
TOO_LONG = "m" * 5000


def person(name: str, source: str = "") -> SourceRecord:
    own = f"{source}{name}"
    return SourceRecord("staff", own, {"id": own, "first_name": name, "email": f"{name}@firm.example"})


def matter(**values: Value) -> SourceRecord:
    return SourceRecord("matters", "m", {"id": "m", "number": "1", "title": "T", "client": ("Acme",), **values})


def wall(**values: Value) -> SourceRecord:
    return SourceRecord("walls", "w", {"id": "w", **values})


def as_read(*records: SourceRecord, whole: bool = True) -> SourceRead:
    good, flaws = sorted_out("smokeball", records)
    return SourceRead(good, whole=whole, flaws=flaws)


async def inside(sources: Sources) -> frozenset[str]:
    """Who may see the matter."""
    firm = (await sources.union(Firm())).firm
    # Whatever is in force can be said.
    assert all(shown_wall(firm, one) for one in firm.walls.values())
    return with_access(firm, firm.matters["m"], DAY)


async def two_sources(store: Store, *elsewhere: SourceRecord) -> Sources:
    """Smokeball, which has the walls, and Clio, which has the matters and so their teams."""
    sources = Sources(store, {"smokeball": ("staff", "walls"), "clio": ("matters",), "files": ()}, CAN_SAY)
    theirs = (*(person(one, "clio-") for one in PEOPLE), *elsewhere)
    await store.run(keep_read, "clio", SourceRead(theirs, whole=True), 1)
    await store.run(keep_read, "files", SourceRead((), whole=True), 1)
    return sources


UNREAD: tuple[tuple[dict[str, Value], set[str]], ...] = (
    ({"memo": TOO_LONG, "people": ("ben",)}, {"ann"}),
    ({"memo": TOO_LONG, "people": ("ben",), "expires": "2020-01-01"}, {"ann"}),
    ({"since": "tomorrow", "people": ("ben",)}, {"ann"}),
    ({"people": ("x" * 300,)}, set()),
    ({"memo": TOO_LONG, "people": ("ben", "nobody-has-this")}, set()),
    ({"memo": TOO_LONG, "people": ("ann",), "kind": "only"}, set()),
    ({"kind": "some", "people": ("ben",)}, set()),
    ({}, set()),
)


@pytest.mark.parametrize(
    ("around", "unread", "left"),
    [
        *(({"matter": "m"}, *each) for each in UNREAD),
        *((each, *UNREAD[0]) for each in ({"matter": "1"}, {"client": "ACME"})),
    ],
)
async def test_M3_whom_an_unread_wall_names_is_out_of_a_team_that_another_source_says(
    store: Store, around: dict[str, Value], unread: dict[str, Value], left: set[str]
) -> None:
    team = matter(responsible="clio-ann", originating=("clio-ben",))
    sources = await two_sources(store, team, SourceRecord("access", "a", {"matter": "m", "person": "clio-dan"}))
    ours = [person(one) for one in PEOPLE]
    await store.run(keep_read, "smokeball", as_read(*ours, matter()), 1)
    await store.run(keep_read, "files", SourceRead((matter(restricted="yes", allowed=("cat",)),), whole=True), 1)
    assert await inside(sources) == {"ann", "ben", "cat", "dan"}
    await store.run(keep_read, "smokeball", as_read(*ours, matter(), wall(**around, **unread)), 1)
    assert await inside(sources) == left
    # The matter is read again, and the wall is not.
    await store.run(keep_read, "smokeball", as_read(matter(title="Other"), whole=False), 1)
    assert await inside(sources) == left
    # Once the wall can be read, it is what it says.
    await store.run(keep_read, "smokeball", as_read(wall(**around, people=("cat",)), whole=False), 1)
    assert await inside(sources) == {"ann", "ben", "dan"}


async def test_M3_whom_a_wall_named_stays_out_when_it_cannot_be_read_any_more(store: Store) -> None:
    sources = await two_sources(store, matter(responsible="clio-ann", originating=("clio-ben", "clio-cat")))
    group = SourceRecord("groups", "g", {"id": "g", "name": "G", "members": ("ben",)})
    known = [*(person(one) for one in PEOPLE), matter(), wall(matter="m", people=("g",))]
    await store.run(keep_read, "smokeball", as_read(*known, group), 1)
    assert await inside(sources) == {"ann", "cat", "dan"}
    # The group is gone with it, and only the wall named it.
    known[-1] = wall(matter="m", people=("cat",), memo=TOO_LONG)
    await store.run(keep_read, "smokeball", as_read(*known), 1)
    assert await inside(sources) == {"ann"}
    await store.run(keep_read, "smokeball", as_read(*known[:-1]), 1)
    assert await inside(sources) == {"ann", "ben", "cat", "dan"}


async def test_S1_a_file_that_owns_the_walls_sets_right_one_that_cannot_be_read(store: Store) -> None:
    sources = Sources(store, {"files": ("walls",), "smokeball": ()}, CAN_SAY)
    ours = [person(one) for one in PEOPLE]
    broken = wall(matter="m", people=("ben",), memo=TOO_LONG)
    await store.run(keep_read, "files", SourceRead((wall(matter="m", people=("ben",)),), whole=True), 1)
    await store.run(keep_read, "smokeball", as_read(*ours, matter(), broken), 1)
    assert await inside(sources) == {"ann", "cat", "dan"}


async def test_S1_whatever_changes_of_what_cannot_be_read_is_taken_up(store: Store) -> None:
    sources = await two_sources(store, matter())
    ours = [person(one) for one in PEOPLE]
    everybody, without_ben = {"ann", "ben", "cat", "dan"}, {"ann", "cat", "dan"}
    around = SourceRecord("walls", "w", {"id": "w", "matter": "own", "people": ("ben",)})

    async def read(number: str, *walls: SourceRecord) -> frozenset[str]:
        """Who may see the matter, which Smokeball has under an id of its own and cannot say how it stands."""
        own = SourceRecord("matters", "own", {"id": "own", "number": number, "title": "T", "status": "Odd"})
        before = await sources.version()
        assert await store.run(keep_read, "smokeball", as_read(*ours, own, *walls), 1)
        assert await sources.version() != before
        return await inside(sources)

    assert await read("2", around) == everybody
    assert await read("1", around) == without_ben
    # As it is after an upgrade from a version that kept no numbers.
    await store.run(lambda unit: unit.execute("UPDATE source_flaw SET number = ''"))
    assert await read("1", around) == without_ben
    # It is kept as it was, and cannot be read any more.
    assert await read("1", wall(matter="m", people=("ben",))) == without_ben
    assert await read("1", wall(matter="m", people=("ben",), memo=TOO_LONG)) == set()
    assert await read("1", wall(matter="m", people=("ben",))) == without_ben


@pytest.mark.parametrize("around", [{"matter": "2"}, {"client": "Acmee"}])
async def test_M3_an_unread_wall_around_nothing_leaves_no_matter_open(store: Store, around: dict[str, Value]) -> None:
    sources = await two_sources(store, matter())
    ((name, written),) = around.items()
    ours, there = [person(one) for one in PEOPLE], {"matter": "1", "client": "Acme"}[name]
    await store.run(keep_read, "smokeball", as_read(*ours, wall(**{name: there}, people=("ben",))), 1)
    assert await inside(sources) == {"ann", "cat", "dan"}
    await store.run(keep_read, "smokeball", as_read(*ours, wall(**around, people=("ben",), memo=TOO_LONG)), 1)
    with pytest.raises(DirectoryError, match=f"there is no {name} '{written}'"):
        await sources.union(Firm())
