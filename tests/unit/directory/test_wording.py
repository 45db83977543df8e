"""How the directory stands and what became of a change of it, in words."""

from __future__ import annotations

from bridge.directory.following.status import DirectoryStatus, HeldChange, ShownProblem
from bridge.directory.sources.port import SourceStanding
from bridge.directory.undoing import Undone
from bridge.wording.directory import source_line, status_text, undone_text

PROBLEMS = (ShownProblem("staff.yaml staff[2].email: Two have it.", whole=True), ShownProblem("m.csv:4", whole=False))
HELD = HeldChange("abc", ("Matter: 1 removed (R_and_D).",), as_undone=True)


def test_all_that_there_is_to_say_is_said() -> None:
    assert status_text(DirectoryStatus(3, 2, whole=True, problems=PROBLEMS, held=HELD), str).splitlines() == [
        "The directory has 3 active staff and 2 matters.",
        "Its files cannot be used as they are, so nothing of them was taken over:",
        "- staff.yaml staff[2].email: Two have it.",
        "- m.csv:4: `firm-bridge check` on the server says what is wrong here.",
        "The change abc waits for confirmation:",
        "Matter: 1 removed (R_and_D).",
        "It was confirmed before and taken back.",
        "A firm admin lets it through with: !directory confirm abc",
    ]


def test_what_comes_from_the_directory_is_shown_as_it_is() -> None:
    said = status_text(DirectoryStatus(3, 1, whole=False, problems=PROBLEMS, held=HELD))
    assert said.startswith("The directory has 3 active staff and 1 matter that you can see.\n")
    assert r"R\_and\_D" in said
    assert r"staff\[2\]" in said
    assert r"R\_and\_D" in undone_text(Undone("abc", HELD.summary, 0, frozenset()))


def test_who_comes_back_is_told_with_the_change_that_was_taken_back() -> None:
    for people, counted in ((1, "1 person is being let back"), (2, "2 people are being let back")):
        assert counted in undone_text(Undone("abc", (), people, frozenset()))
    assert "let back" not in undone_text(Undone("abc", (), 0, frozenset()))


def test_what_a_source_has_is_counted_as_people_count() -> None:
    stands = SourceStanding("files", read_at=1000, tried_at=1000, counts={"walls": 1, "staff": 1, "matters": 2})
    assert source_line(stands, 2000) == "The files: 2 matters, 1 staff member, 1 wall, read less than a minute ago."
    assert "The files: nothing, read" in source_line(SourceStanding("files", 1000, 1000), 2000)
