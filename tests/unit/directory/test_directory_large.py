"""Reading the files of a large firm is work in proportion to it (S1)."""

from __future__ import annotations

from pathlib import Path

from bridge.directory.read import fetch, firm_of
from tests.counting import calls

ROUNDING = 1.1
"""What is done for each pair of records would come to six times this."""


def folder(where: Path, size: int) -> Path:
    """A directory with so many records of each kind, of which each names others and groups lie in groups."""
    where.mkdir()
    numbers = range(size)
    write(where, "staff", "id,first_name,email,role", [f"s{n},Robin,robin{n}@b.example,Clerk" for n in numbers])
    write(
        where,
        "groups",
        "id,name,members",
        [f"g{n},Group,g{n + 1};s{n}" for n in range(size - 1)] + [f"g{size - 1},Last,s0"],
    )
    write(
        where,
        "matters",
        "id,number,title,client,responsible,restricted",
        [f"m{n},2026-{n},About {n},Client {n},s{n},yes" for n in numbers],
    )
    write(where, "access", "matter,person", [f"2026-{n},g{n}" for n in numbers])
    write(where, "walls", "id,client,matter,people", [f"w{n},Client {n},,s{n}" for n in numbers])
    write(where, "channels", "name,participants", [f"Tide {n},g{n}" for n in numbers])
    return where


def write(where: Path, name: str, header: str, rows: list[str]) -> None:
    (where / f"{name}.csv").write_text("\n".join([header, *rows, ""]))


def test_six_times_the_records_are_at_most_six_times_the_work(tmp_path: Path) -> None:
    small, large = (fetch(folder(tmp_path / str(size), size)) for size in (50, 300))
    assert calls(lambda: firm_of(large)) < 6 * ROUNDING * calls(lambda: firm_of(small))
