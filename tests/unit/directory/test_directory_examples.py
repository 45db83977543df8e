"""The demo firm, its CSV twin, and the page about both."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from bridge.directory.fields import KINDS
from bridge.directory.read import read_directory
from bridge.directory.reference import directory_reference
from bridge.firm.model import MatterStatus
from bridge.firm.policy import may_access

ROOT = Path(__file__).parents[3]
DEMO = ROOT / "config/demo/directory.yaml"
TODAY = date(2026, 11, 23)


def test_both_forms_describe_the_same_firm() -> None:
    assert read_directory(ROOT / "config/example-csv") == read_directory(DEMO)


def test_the_demo_firm_has_what_the_demo_shows() -> None:
    firm = read_directory(DEMO)
    roles = [person.role for person in firm.staff.values()]
    assert roles.count("Owner") == 1
    assert {"Partner", "Associate", "Paralegal", "Practice Manager", "IT", "Receptionist"} <= set(roles)
    assert sum(person.former for person in firm.staff.values()) == 1
    statuses = {matter.status for matter in firm.matters.values()}
    assert statuses == {MatterStatus.OPEN, MatterStatus.PENDING, MatterStatus.CLOSED}
    assert any(matter.restricted for matter in firm.matters.values())
    assert len(firm.channels) == 5


def test_M3_the_walls_of_the_demo_firm_stand() -> None:
    firm = read_directory(DEMO)

    def seen_by(staff_id: str) -> set[str]:
        return {matter.number for matter in firm.matters.values() if may_access(firm, staff_id, matter, TODAY)}

    everybodys = {"2026-0042", "2026-0017", "2026-0031", "2026-0038", "2026-0049", "2026-0061", "2024-0208"}
    assert seen_by("rdelgado") == everybodys
    assert seen_by("tferreira") == everybodys - {"2026-0031", "2026-0038"} | {"2026-0055"}
    assert seen_by("hrahmani") == everybodys - {"2026-0049"} | {"2025-0113"}
    assert seen_by("praghunathan") == everybodys | {"2025-0113"}
    assert seen_by("eashcombe") == everybodys | {"2025-0113", "2026-0055"}
    assert seen_by("jprescott") == set()


def test_the_page_names_every_field_and_file() -> None:
    page = directory_reference()
    for kind in KINDS:
        assert f"`{kind.csv_name}`" in page
        assert all(f"| `{field.name}` |" in page for field in kind.fields)
