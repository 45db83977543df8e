"""A little change of a source is made one by itself, and comes to the same as all of it made one anew (S1)."""

from __future__ import annotations

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.directory.problems import DirectoryError
from bridge.directory.sources import union as union_module
from bridge.directory.sources.flaws import sorted_out
from bridge.directory.sources.keeping import keep_read
from bridge.directory.sources.known import CAN_SAY
from bridge.directory.sources.port import SourceRead, SourceRecord, Value
from bridge.directory.sources.union import Sources
from bridge.directory.sources.uniting import Union
from bridge.firm.model import Firm
from bridge.store.engine.store import Store
from bridge.store.engine.unit import Unit
from tests.component.directory.test_sources import person

LONG = os.environ.get("FIRM_BRIDGE_SOURCES") == "long"
SOURCES = {"smokeball": ("groups",), "files": ("walls",), "clio": ()}
PEOPLE = ("Ann", "Ben", "Cat")
NUMBERS = ("1", "2", "3", "m1", "M2")
CLIENTS = ("Hollis", "HOLLIS", "Brightwater", "")
ALLOWED = ("u-Ann", "u-Ben", "g1", "g2")


def wall(one: str, **values: Value) -> SourceRecord:
    return SourceRecord("walls", one, {"id": one, "people": ("u-Ben",), **values})


def matter(one: str, number: str, client: str, allowed: tuple[str, ...] | None, **values: Value) -> SourceRecord:
    said: dict[str, Value] = {"id": one, "number": number, "title": f"Matter {one}", **values}
    said |= {"client": (client,)} if client else {}
    said |= {"restricted": "yes", "allowed": allowed} if allowed is not None else {}
    return SourceRecord("matters", one, {name: value for name, value in said.items() if value != ()})


@st.composite
def changes(draw: st.DrawFn) -> tuple[str, SourceRead]:
    """A change of one source."""
    source, one = draw(st.sampled_from(list(SOURCES))), draw(st.sampled_from(["m1", "m2", "m3", "m4"]))
    name = one if source == "smokeball" else f"{source}-{one}"
    allowed = draw(st.none() | st.lists(st.sampled_from(ALLOWED), unique=True, max_size=2).map(tuple))
    number, client = draw(st.sampled_from(NUMBERS)), draw(st.sampled_from(CLIENTS))
    status = draw(st.sampled_from(["Open", "Open", "Closed", "Nonsense"]))
    of = {"matter": draw(st.sampled_from([*NUMBERS, name]))} if draw(st.booleans()) else {"client": client or "Hollis"}
    kind = draw(st.sampled_from(["matter"] * 6 + ["gone", "wall", "wall", "no wall", "group", "person"]))
    records: dict[str, SourceRecord] = {
        "matter": matter(name, number, client, allowed, status=status),
        "wall": wall(f"{source}-w", **of),
        "group": SourceRecord("groups", f"g{number[-1]}", {"id": f"g{number[-1]}", "name": "G", "members": ("u-Cat",)}),
        "person": person("Ann", first_name=f"Ann{number}"),
    }
    gone = {"gone": ("matters", name), "no wall": ("walls", f"{source}-w")}
    good, flaws = sorted_out(source, [records[kind]] if kind in records else [])
    return source, SourceRead(good, whole=False, gone=(gone[kind],) if kind in gone else (), flaws=flaws)


def shown(found: Union) -> Any:
    """All that matters of a union, in no order."""
    firm, merged = found.firm, found.merged
    return (
        *(dict(table) for table in (firm.staff, firm.groups, firm.matters, firm.walls)),
        (merged.links, merged.origins, {kind: set(ids) for kind, ids in merged.left_out.items()}),
        set(merged.disagreements),
    )


async def made(sources: Sources, known: Firm) -> Union | None:
    try:
        return await sources.union(known)
    except DirectoryError:
        return None


async def begin(store: Store) -> Sources:
    staff = [person(name) for name in PEOPLE]
    first = (*staff, matter("m1", "1", "Hollis", None), matter("m2", "2", "", ("u-Ann",)))
    for source in SOURCES:
        await store.run(keep_read, source, SourceRead(first if source == "smokeball" else (), whole=True), 1)
    return Sources(store, SOURCES, CAN_SAY)


def forget(unit: Unit) -> None:
    for table in ("source_row", "source_state", "source_flaw", "source_link"):
        unit.execute(f"DELETE FROM {table}")


@pytest.mark.timeout(900)
@settings(max_examples=150 if LONG else 25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(changes(), min_size=1, max_size=6))
async def test_S1_what_a_part_comes_to_is_what_the_whole_comes_to(
    store: Store, steps: list[tuple[str, SourceRead]]
) -> None:
    await store.run(forget)
    sources = await begin(store)
    known = (await sources.union(Firm())).firm
    for source, read in steps:
        await store.run(keep_read, source, read, 1)
        part, whole = await made(sources, known), await made(Sources(store, SOURCES, CAN_SAY), known)
        assert (part is None) is (whole is None)
        if part is not None and whole is not None:
            assert shown(part) == shown(whole)
            known = part.firm


@pytest.mark.parametrize("change", ["title", "deny-list", "wall", "new"])
async def test_S1_one_matter_is_made_one_without_the_others(
    store: Store, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    sources = await begin(store)
    await store.run(keep_read, "smokeball", SourceRead((wall("w", matter="m1"),), whole=False), 1)
    before = await sources.union(Firm())

    def all_of_it(*given: object) -> None:
        raise AssertionError("All of it was read again.")

    monkeypatch.setattr(union_module, "records_of", all_of_it)
    group = SourceRecord("groups", "g9", {"id": "g9", "name": "G", "members": ("u-Cat",)})
    said = {
        "title": (matter("m1", "1", "Hollis", None, title="Another title"),),
        "deny-list": (matter("m1", "1", "Hollis", ("g9",)), group),
        "wall": (wall("w", matter="m1", people=("u-Cat",)),),
        "new": (matter("m3", "3", "Hollis", None), wall("w3", client="Hollis")),
    }[change]
    await store.run(keep_read, "smokeball", SourceRead(said, whole=False), 1)
    after = await sources.union(before.firm)
    assert after.firm.matters["m2"] is before.firm.matters["m2"] and after.firm.staff is before.firm.staff
    monkeypatch.undo()
    assert shown(after) == shown(await Sources(store, SOURCES, CAN_SAY).union(before.firm))
    assert shown(after) != shown(before)


async def test_M3_a_wall_around_a_matter_that_its_own_source_never_could_read_is_not_lost(store: Store) -> None:
    sources = await begin(store)
    good, flaws = sorted_out("clio", [matter("c1", "1", "", None, status="Nonsense")])
    await store.run(keep_read, "clio", SourceRead(good, whole=False, flaws=flaws), 1)
    known = (await sources.union(Firm())).firm
    for people in ((), ("u-Ben",), ("u-Ben", "u-Cat")):
        said = (wall("clio-w", matter="c1", people=people),) if people else ()
        await store.run(keep_read, "clio", SourceRead(said, whole=False), 1)
        part = await sources.union(known)
        assert shown(part) == shown(await Sources(store, SOURCES, CAN_SAY).union(known))
        assert [(one.matter_id, one.people) for one in part.firm.walls.values()] == [("m1", people)] * bool(people)
        known = part.firm
