"""A folder is small enough to be looked over."""

from __future__ import annotations

from collections import Counter

from bridge.docs.pages import ROOT

MOST = 20


def test_no_folder_has_more_files_on_one_level_than_can_be_looked_over() -> None:
    files = [file for part in ("bridge", "tests", "benchmarks") for file in (ROOT / part).rglob("*.py")]
    counted = Counter(str(file.parent.relative_to(ROOT)) for file in files)
    assert len(counted) > 50
    assert {folder: count for folder, count in counted.items() if count > MOST} == {}


def test_migrations_lie_in_folders_of_ten() -> None:
    """Where the runner does not look, one would never be applied."""
    migrations = ROOT / "bridge" / "store" / "migrations"
    found = sorted(migrations.rglob("*.py"))
    assert len(found) > 20
    assert [file for file in found if file.parent != migrations / f"{file.name[:3]}x"] == []
