"""Many small removals count together, for a day or until a firm admin confirms (S3)."""

from __future__ import annotations

from pathlib import Path

import pytest

from bridge.directory.file import DirectoryFile
from bridge.directory.following.outcomes import Applied, Held
from bridge.firm.policy import may_access
from bridge.store.engine.store import Store
from tests.component.directory.test_directory_file import path, replace_text, service, staff

__all__ = ["path"]
DAY_MS = 24 * 60 * 60 * 1000
MANY = tuple(f"P{number}" for number in range(10))
MANY_IDS = tuple(one.lower() for one in MANY)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The time, in milliseconds."""
    at = [1_795_000_000_000]
    for module in ("file", "keeping"):
        monkeypatch.setattr(f"bridge.directory.{module}.now_ms", lambda: at[0])
    return at


def listed(*allowed: str) -> str:
    """Ten people, and a matter for those allowed."""
    of = ", ".join(one.lower() for one in allowed)
    return f"{staff(*MANY)}matters:\n  - {{id: m, number: M1, title: T, restricted: yes, allowed: [{of}]}}\n"


def inside(directory: DirectoryFile) -> set[str]:
    firm = directory.firm
    return {one for one in firm.staff if may_access(firm, one, firm.matters["m"], directory.today())}


async def test_S3_who_leaves_one_by_one_counts_together_for_a_day_and_after_a_restart(
    path: Path, store: Store, now: list[int]
) -> None:
    replace_text(path, staff(*MANY))
    await service(path, store).refresh()
    for left in (1, 2, 3):
        replace_text(path, staff(*MANY[left:]))
        assert isinstance(await service(path, store).refresh(), Applied)
        now[0] += 60_000
    replace_text(path, staff(*MANY[4:], "New"))
    directory = service(path, store)
    held = await directory.refresh()
    assert isinstance(held, Held)
    assert "With those who left in the last 24 hours it is 40 % of the staff." in held.change.summary()
    assert len(directory.firm.active_staff) == 7
    # Who is there and what is new is not held back by what went before.
    replace_text(path, staff(*MANY[3:], "New"))
    assert isinstance(await directory.refresh(), Applied)
    replace_text(path, staff(*MANY[4:], "New"))
    assert isinstance(await directory.refresh(), Held)
    await directory.confirm("p9")
    assert isinstance(await directory.refresh(), Applied)
    # An admin who confirmed knows of those before.
    for left in (5, 6, 7):
        replace_text(path, staff(*MANY[left:], "New", "Newer"))
        assert isinstance(await directory.refresh(), Applied)
    replace_text(path, staff(*MANY[8:], "New", "Newer"))
    assert isinstance(await directory.refresh(), Held)
    now[0] += DAY_MS + 60 * 60 * 1000
    replace_text(path, staff(*MANY[7:], "New"))
    assert isinstance(await directory.refresh(), Applied)


async def test_S3_a_list_that_grows_by_a_few_at_a_time_waits_when_most_of_those_shut_out_would_be_let_in(
    path: Path, store: Store, now: list[int]
) -> None:
    directory = service(path, store)
    replace_text(path, listed("P0"))
    await directory.refresh()
    for allowed in (4, 5):
        replace_text(path, listed(*MANY[:allowed]))
        assert isinstance(await directory.refresh(), Applied)
    # The seventh is most of the nine who were shut out; whoever is taken off at the same time is so at once.
    replace_text(path, listed(*MANY[1:7]))
    directory = service(path, store)
    assert isinstance(await directory.refresh(), Held)
    assert inside(directory) == {"p1", "p2", "p3", "p4"}
    replace_text(path, listed(*MANY[1:5]))
    await directory.refresh()
    assert directory.held is None
    now[0] += DAY_MS + 60 * 60 * 1000
    replace_text(path, listed(*MANY[1:7]))
    assert isinstance(await directory.refresh(), Applied)
    assert len(inside(directory)) == 6


async def test_S3_walls_that_end_one_by_one_count_together(path: Path, store: Store, now: list[int]) -> None:
    def walled(*walls: int) -> str:
        each = (f"  - {{id: w{one}, matter: M1, people: [p{one}]}}\n" for one in walls)
        matter = "matters:\n  - {id: m, number: M1, title: T}\n"
        return f"{staff(*MANY)}{matter}" + (f"walls:\n{''.join(each)}" if walls else "")

    directory = service(path, store)
    replace_text(path, walled(0, 1, 2, 3, 4, 5))
    await directory.refresh()
    replace_text(path, walled(1, 2, 3, 4, 5))
    assert isinstance(await directory.refresh(), Applied)
    now[0] += 60 * 60 * 1000
    replace_text(path, walled(2, 3, 4, 5, 9))
    assert isinstance(await directory.refresh(), Held)
    assert inside(directory) == {"p0", "p6", "p7", "p8"}


@pytest.mark.parametrize(("people", "out"), [("p8, p9", {"p8", "p9"}), ("p9", {"p8", "p9"}), ("p7", {"p7", "p8"})])
async def test_S3_M3_whom_a_wall_keeps_out_more_waits_for_nothing_that_is_held(
    path: Path, store: Store, now: list[int], people: str, out: set[str]
) -> None:
    def firm(members: tuple[str, ...], walled: str, allowed: str) -> str:
        access = f", restricted: yes, allowed: [{allowed}]" if allowed else ""
        of_all = "".join(f"  - {{id: o{one}, number: O{one}, title: T}}\n" for one in range(5))
        matters = (
            f"matters:\n{of_all}  - {{id: m, number: M1, title: T}}\n  - {{id: n, number: N1, title: T{access}}}\n"
        )
        return f"{staff(*members)}{matters}walls:\n  - {{id: w, matter: M1, people: [{walled}]}}\n"

    directory = service(path, store)
    replace_text(path, firm(MANY, "p8", "p1, p2, p8, p9"))
    await directory.refresh()
    # Three of ten leave, which waits; the wall and the list of another matter are as they will be at once.
    replace_text(path, firm(MANY[3:], people, "p8"))
    held = await directory.refresh()
    assert isinstance(held, Held) and len(directory.firm.active_staff) == 10
    assert {*MANY_IDS} - inside(directory) == out
    restricted = directory.firm.matters["n"]
    assert {one for one in MANY_IDS if may_access(directory.firm, one, restricted, directory.today())} == {"p8"}
    # Looked at again it is the same, and confirmed it is as the files say.
    again = service(path, store)
    await again.refresh()
    assert {*MANY_IDS} - inside(again) == out and set(again.firm.walls) <= {"w", "also-w"}
    await again.confirm("p9")
    assert isinstance(await again.refresh(), Applied)
    assert set(again.firm.walls) == {"w"}
    assert set(MANY_IDS[3:]) - inside(again) == {one.strip() for one in people.split(",")}
