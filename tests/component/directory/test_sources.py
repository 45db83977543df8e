"""Sources side by side on a real store: what they said last stays, and one that breaks leaves the firm (S1, S3)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.directory.barriers import UNTIL_KNOWN
from bridge.directory.file import DirectoryFile
from bridge.directory.following.outcomes import Applied, Held, Invalid, Unchanged
from bridge.directory.sources.keeping import keep_read, note_trouble, standing
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import Flaw, SourceRead, SourceRecord, Value
from bridge.directory.sources.union import Sources
from bridge.firm.model import MatterStatus
from bridge.settings import DirectorySettings
from bridge.store.engine.store import Store
from bridge.wording.directory import status_text

NAMES = ("Ann", "Ben", "Cat", "Dan", "Eve", "Fay")
WALL = "walls:\n  - {id: w, matter: 2026-1, people: [ben@firm.example]}\n"
GROUP: dict[str, Value] = {"id": UNTIL_KNOWN, "name": "Nobody yet"}


def write(path: Path, text: str) -> None:
    path.write_text(text)


def person(name: str, **values: Value) -> SourceRecord:
    own = {"id": f"u-{name}", "first_name": name, "last_name": "Finch", "email": f"{name.lower()}@firm.example"}
    return SourceRecord("staff", own["id"], {**own, **values})


def matter(number: str, **values: Value) -> SourceRecord:
    return SourceRecord("matters", f"m-{number}", {"id": f"m-{number}", "number": number, "title": number, **values})


def whole(*records: SourceRecord) -> SourceRead:
    return SourceRead(records, whole=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    written = tmp_path / "directory.yaml"
    written.write_text(WALL)
    return written


def union(path: Path, store: Store, limit: int = 20) -> DirectoryFile:
    owns = {"scim": ("staff",), "smokeball": ("matters",), "files": ("walls",)}
    sources = Sources(store, owns, CAN_SAY)
    settings = DirectorySettings(path=str(path), removal_limit=limit)
    return DirectoryFile(settings, store, today=lambda: date(2026, 11, 23), settle_seconds=0, sources=sources)


async def say(store: Store, source: str, read: SourceRead) -> None:
    await store.run(keep_read, source, read, 1)


async def everybody(store: Store) -> None:
    await say(store, "scim", whole(*map(person, NAMES)))
    await say(store, "smokeball", whole(matter("2026-1", responsible="ann@firm.example"), person("Ann")))


async def test_S1_nothing_is_taken_over_before_all_have_spoken(path: Path, store: Store) -> None:
    directory = union(path, store)
    await say(store, "scim", whole(*map(person, NAMES)))
    assert isinstance(await directory.refresh(), Invalid)
    assert not directory.firm.staff
    await everybody(store)
    assert isinstance(await directory.refresh(), Applied)
    assert len(directory.firm.active_staff) == 6
    assert directory.firm.walls["w"].people == ("u-Ben",)
    assert await directory.refresh() == Unchanged()


async def test_S1_S3_where_what_they_say_does_not_go_together_whoever_has_left_leaves(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    await say(
        store, "smokeball", whole(matter("2026-1", responsible="ann@firm.example"), matter("2026-2"), person("Ann"))
    )
    people = [person("Ben", former="yes"), *map(person, NAMES[2:]), person("Zoe")]
    await say(store, "scim", whole(person("Ann", first_name="Anna"), *people))
    write(path, WALL.replace("2026-1", "nowhere"))
    await directory.refresh()
    assert directory.problems
    assert directory.firm.active_staff == {f"u-{name}" for name in NAMES} - {"u-Ben"}
    assert directory.firm.staff["u-Ann"].first_name == "Ann"
    assert "m-2026-2" not in directory.firm.matters
    assert isinstance(await directory.refresh(), Invalid)
    write(path, WALL)
    assert isinstance(await directory.refresh(), Applied)
    assert directory.firm.active_staff == {f"u-{name}" for name in NAMES} - {"u-Ben"} | {"u-Zoe"}


async def test_S3_who_cannot_be_read_and_whose_address_is_anothers_keeps_no_leaver_in(path: Path, store: Store) -> None:
    directory = union(path, store, limit=100)
    await everybody(store)
    await directory.refresh()
    others = map(person, NAMES[2:])
    unread = Flaw("staff", "u-Ben", "It is nothing.")
    # Of what changed alone: the address is another's only after it could not be read.
    await say(store, "scim", SourceRead((), whole=False, flaws=(unread,)))
    zoe = person("Zoe", email="ben@firm.example")
    write(path, "")
    await say(store, "scim", SourceRead((zoe, person("Ann", enabled="no"), *others), whole=False))
    assert isinstance(await directory.refresh(), Applied)
    assert directory.firm.active_staff == {"u-Cat", "u-Dan", "u-Eve", "u-Fay", "u-Zoe"}


@pytest.mark.parametrize("silent", [False, True])
async def test_S3_who_is_known_and_has_left_leaves_where_it_is_not_clear_who_others_are(
    path: Path, store: Store, silent: bool
) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    if silent:
        directory.sources = Sources(store, {"scim": (), "smokeball": (), "files": (), "clio": ()}, CAN_SAY)
    twice = person("Zoe"), person("Zed", email="zoe@firm.example")
    await say(store, "scim", whole(person("Ben", enabled="no"), person("Ann"), *map(person, NAMES[2:]), *twice))
    await directory.refresh()
    assert directory.problems
    assert directory.firm.active_staff == {f"u-{name}" for name in NAMES} - {"u-Ben"}


async def test_S1_a_source_that_is_down_leaves_what_it_said(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    await store.run(note_trouble, "scim", "It does not answer.", 2)
    assert await directory.refresh() == Unchanged()
    assert len(directory.firm.active_staff) == 6
    text = status_text(await directory.status())
    assert "It cannot be read now, so what it said then stays: It does not answer." in text


async def test_S1_broken_files_stay_as_they_were_and_a_leaver_elsewhere_leaves(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    write(path, "walls:\n  - {id: w, nonsense: 1}\n")
    await directory.refresh()
    assert directory.problems
    await say(store, "scim", whole(*map(person, NAMES[:-1])))
    assert isinstance(await directory.refresh(), Applied)
    assert len(directory.firm.active_staff) == 5
    assert "w" in directory.firm.walls
    assert directory.problems
    write(path, WALL)
    await directory.refresh()
    assert not directory.problems
    assert (await store.read(standing, "files")).trouble == ""


async def test_S3_a_source_that_forgets_half_the_firm_is_held(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    await say(store, "scim", whole(*map(person, NAMES[:3])))
    assert isinstance(await directory.refresh(), Held)
    assert len(directory.firm.active_staff) == 6
    await say(store, "scim", whole(*map(person, NAMES)))
    await directory.refresh()
    assert directory.held is None
    await say(store, "scim", whole(*map(person, NAMES[:3])))
    await directory.refresh()
    await directory.confirm("u-Ann")
    assert isinstance(await directory.refresh(), Applied)
    # Left, and not forgotten.
    assert directory.firm.staff["u-Fay"].former


async def test_S3_a_leaver_and_a_small_wall_or_restriction_wait_for_nothing_that_is_held(
    path: Path, store: Store
) -> None:
    directory = union(path, store)
    await everybody(store)
    numbers = [f"2026-{number}" for number in range(1, 11)]
    await say(store, "smokeball", whole(*map(matter, numbers), person("Ann")))
    await directory.refresh()
    restricted = [matter(number, restricted="yes") for number in numbers[:4]]
    await say(store, "smokeball", whole(*restricted, *map(matter, numbers[4:]), person("Ann")))
    assert isinstance(await directory.refresh(), Held)
    await say(store, "scim", whole(person("Ben", former="yes"), person("Ann"), *map(person, NAMES[2:]), person("Zoe")))
    write(path, f"{WALL}  - {{id: v, matter: 2026-9, people: [cat@firm.example]}}\n")
    outcome = await directory.refresh()
    assert isinstance(outcome, Held)
    assert directory.firm.active_staff == {f"u-{name}" for name in NAMES} - {"u-Ben"}
    assert directory.firm.walls.keys() == {"w", "v"}
    assert not any(one.restricted for one in directory.firm.matters.values())
    assert not outcome.change.leavers
    assert outcome.change.kinds["staff"].added == ("u-Zoe",)
    # The same restriction of one matter is little; that half of the others are gone is not.
    await say(store, "smokeball", whole(restricted[0], *map(matter, numbers[1:5]), person("Ann")))
    assert isinstance(await directory.refresh(), Held)
    assert [one.number for one in directory.firm.matters.values() if one.restricted] == ["2026-1"]
    assert len(directory.firm.matters) == 10
    await directory.confirm("u-Ann")
    assert isinstance(await directory.refresh(), Applied)
    assert directory.held is None


async def test_S1_what_does_not_go_together_leaves_the_firm_as_it_was(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    firm = directory.firm
    await say(store, "smokeball", whole(matter("2026-1", responsible="nobody"), person("Ann")))
    assert isinstance(await directory.refresh(), Invalid)
    assert directory.firm is firm
    await everybody(store)
    await directory.refresh()
    assert not directory.problems


async def test_S1_it_is_the_same_after_a_new_start(path: Path, store: Store) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    again = union(path, store)
    assert await again.refresh() == Unchanged()
    assert again.firm == directory.firm


async def test_S3_a_source_that_drops_all_its_walls_lets_in_nobody_and_the_rest_goes_on(
    path: Path, store: Store
) -> None:
    directory = union(path, store)
    await everybody(store)
    matters = matter("2026-1", responsible="ann@firm.example"), matter("2026-2")
    await say(store, "smokeball", whole(*matters, person("Ann")))
    await directory.refresh()
    left = "staff:\n  - {id: fay, first_name: Fay, email: fay@firm.example, former: yes}\n"
    write(path, left)
    assert isinstance(await directory.refresh(), Held)
    assert "w" in directory.firm.walls
    assert directory.firm.active_staff == {f"u-{name}" for name in NAMES[:-1]}
    shown = (await directory.status()).held
    assert shown is not None
    assert shown.summary[-1] == "Walls and restrictions that end (100 %), for so many matters: Ben Finch 1."
    # The same after a new start, and what is taken away from then on is taken away at once.
    again = union(path, store)
    assert isinstance(await again.refresh(), Held)
    write(path, left + "walls:\n  - {id: v, matter: 2026-2, people: [cat@firm.example]}\n")
    assert isinstance(await again.refresh(), Held)
    assert {one.people for one in again.firm.walls.values()} == {("u-Ben",), ("u-Cat",)}
    await again.confirm("u-Ann")
    assert isinstance(await again.refresh(), Applied)
    assert again.firm.walls.keys() == {"v"}


async def test_S3_who_is_put_in_the_place_of_another_behind_a_wall_is_behind_it_at_once(
    path: Path, store: Store
) -> None:
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    firm = directory.firm
    write(path, WALL.replace("ben", "cat"))
    assert isinstance(await directory.refresh(), Held)
    assert sorted(one.people for one in directory.firm.walls.values()) == [("u-Ben",), ("u-Cat",)]
    # A wall that stood is one that ends, however short it stood.
    write(path, WALL)
    assert isinstance(await directory.refresh(), Held)
    await directory.confirm("u-Ann")
    await directory.refresh()
    assert directory.firm == firm


@pytest.mark.parametrize(
    "said",
    [
        "groups:\n  - {id: restricted-until-known, name: Mine}\n",
        "access:\n  - {matter: 2026-1, person: restricted-until-known}\n",
        "matters:\n  - {id: m, number: 2026-7, title: T, restricted: yes, allowed: [restricted-until-known]}\n",
    ],
    ids=["a group", "access", "a list"],
)
async def test_S3_no_other_source_restricts_a_matter_until_its_source_has_spoken(
    path: Path, store: Store, said: str
) -> None:
    """Such a matter opens without that anybody is asked."""
    directory = union(path, store)
    await everybody(store)
    await directory.refresh()
    write(path, WALL + said)
    await directory.refresh()
    assert any("is a name that the bridge gives by itself" in str(problem) for problem in directory.problems)
    await say(store, "scim", whole(*map(person, NAMES), SourceRecord("groups", UNTIL_KNOWN, GROUP)))
    write(path, WALL)
    assert isinstance(await directory.refresh(), Invalid)
    await say(store, "scim", whole(*map(person, NAMES)))
    until = matter("2026-1", restricted="yes", allowed=(UNTIL_KNOWN,))
    await say(store, "smokeball", whole(until, person("Ann"), SourceRecord("groups", UNTIL_KNOWN, GROUP)))
    # It takes access away, which waits as ever; but it is believed.
    assert isinstance(await directory.refresh(), Held)


async def test_S3_what_waits_is_confirmed_and_a_matter_that_went_is_walled_when_it_comes_back(
    path: Path, store: Store
) -> None:
    directory = union(path, store)
    await everybody(store)
    matters = [matter(f"2026-{number}") for number in range(1, 8)]
    await say(store, "smokeball", whole(*matters, person("Ann")))
    await directory.refresh()
    write(path, "")
    await say(store, "smokeball", whole(*matters[1:], person("Ann")))
    assert isinstance(await directory.refresh(), Applied)
    assert directory.firm.matters["m-2026-1"].status is MatterStatus.DELETED
    await say(store, "smokeball", whole(*matters, person("Ann")))
    # The same after a new start.
    again = union(path, store)
    assert isinstance(await again.refresh(), Held)
    assert again.firm.walls["w"].people == ("u-Ben",)
    await again.confirm("u-Ann")
    assert isinstance(await again.refresh(), Applied)
    assert not again.firm.walls
    assert again.firm.matters["m-2026-1"].status is MatterStatus.OPEN
    assert await again.refresh() == Unchanged()


async def test_M3_a_wall_around_a_matter_that_only_another_source_can_say_holds(path: Path, store: Store) -> None:
    directory = union(path, store)
    write(path, "matters:\n  - {id: f1, number: 2026-1, title: Sale}\n")
    read = SourceRecord("matters", "m-2026-1", {"id": "m-2026-1", "number": "2026-1", "title": "Sale"})
    flaw = Flaw("matters", read.id, "status: It is nothing.", read, frozenset({"status"}))
    wall = SourceRecord("walls", "w", {"id": "w", "matter": read.id, "people": ("u-Ben",)})
    unknown = SourceRecord("walls", "v", {"id": "v", "matter": "m-9", "people": ("u-Ben",)})
    flaws = (flaw, Flaw("matters", "m-9", "number: It has none.", SourceRecord("matters", "m-9", {"id": "m-9"})))
    directory.sources = Sources(store, {"scim": (), "smokeball": (), "files": ()}, CAN_SAY)
    await say(store, "scim", whole(*map(person, NAMES)))
    await say(store, "smokeball", SourceRead((wall, unknown), whole=True, flaws=flaws))
    assert isinstance(await directory.refresh(), Applied)
    assert {one.id: one.matter_id for one in directory.firm.walls.values()} == {"w": "f1"}
    # Once it can be read it is the same matter, and so is its wall.
    await say(store, "smokeball", SourceRead((read,), whole=False))
    await directory.refresh()
    assert directory.firm.walls["w"].matter_id in directory.firm.matters
    assert [one.number for one in directory.firm.matters.values()] == ["2026-1"]
