"""The directory as YAML: what is read, and that every mistake is told with file, line, key and value."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from bridge.directory.problems import MOST_PROBLEMS, DirectoryError, RecordProblem
from bridge.directory.read import read_directory
from bridge.firm.model import Firm, MatterRole, MatterStatus, Wall, WallKind

MEGABYTES = 1024 * 1024
STAFF = """\
staff:
  - id: nquill
    first_name: Nora
    last_name: Quill
    email: nora.quill@firm.example
  - id: ehart
    first_name: Elias
    last_name: Hart
    email: elias.hart@firm.example
"""
MATTERS = """\
matters:
  - id: m1
    number: 2026-0042
    title: Hollis v. Brightwater
    client: Margaret Hollis
    responsible: nquill
"""


def read(tmp_path: Path, text: str | bytes) -> Firm:
    path = tmp_path / "directory.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_directory(path)


def problems(tmp_path: Path, text: str | bytes) -> tuple[RecordProblem, ...]:
    with pytest.raises(DirectoryError) as caught:
        read(tmp_path, text)
    return caught.value.problems


def only_problem(tmp_path: Path, text: str | bytes) -> RecordProblem:
    (problem,) = problems(tmp_path, text)
    return problem


def test_values_mean_what_the_page_says(tmp_path: Path) -> None:
    firm = read(
        tmp_path,
        STAFF
        + """
    Former: Yes
    color fill: abc
    External-IDs: {oidc-firm: "1234:5"}
groups:
  - {id: all, name: All, members: [NORA.QUILL@firm.example, ehart]}
matters:
  - id: 7
    number: 2026-0042
    title: "  Hollis  v. Brightwater "
    status: CANCELLED
    client: Margaret Hollis; Peter Hollis
    roles:
      - Barrister: Catherine Lowe
    restricted: y
    allowed: [all]
access:
  - {matter: 2026-0042, person: ehart}
walls:
  - id: w1
    kind: only
    client: margaret hollis
    people: all
    since: 2026-01-31
    acknowledged:
      - ehart: 2026-02-01
channels:
  - name: "#Court   Filings"
""",
    )
    elias, matter = firm.staff["ehart"], firm.matters["7"]
    assert elias.former
    assert elias.color_fill == "#aabbcc"
    assert elias.external_ids == (("oidc-firm", "1234:5"),)
    assert firm.groups["all"].members == ("nquill", "ehart")
    assert (matter.number, matter.title, matter.status) == ("2026-0042", "Hollis v. Brightwater", MatterStatus.DELETED)
    assert matter.clients == ("Margaret Hollis", "Peter Hollis")
    assert matter.roles[-1] == MatterRole("Barrister", "Catherine Lowe")
    assert (matter.restricted, matter.allowed) == (True, ("all", "ehart"))
    assert firm.walls["w1"] == Wall(
        "w1",
        WallKind.ONLY,
        client="margaret hollis",
        people=("all",),
        since=date(2026, 1, 31),
        acknowledged=(("ehart", date(2026, 2, 1)),),
    )
    assert set(firm.channels) == {"Court Filings"}


def test_a_problem_names_file_line_key_and_value(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, STAFF.replace("elias.hart@firm.example", "x@"))
    assert (problem.file, problem.line, problem.column, problem.value) == ("directory.yaml", 9, "staff[2].email", "x@")
    assert str(problem) == (
        "directory.yaml:9 staff[2].email: 'x@' is not an e-mail address. Correct it, for example to name@firm.example."
    )


def test_all_problems_are_collected(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        STAFF.replace("id: ehart", "id: nquill").replace("last_name: Hart", "surname: Hart")
        + MATTERS.replace("nquill", "nqill")
        + "    opened: 31/03/2026\n",
    )
    assert [(problem.line, problem.column) for problem in found] == [
        (6, "staff[2].id"),
        (8, "staff[2].surname"),
        (15, "matters[1].responsible"),
        (16, "matters[1].opened"),
    ]


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("    former: perhaps", "neither yes nor no"),
        ("    color_fill: teal", "not a colour"),
        ("    localpart: Elias", "cannot be part of a Matrix id"),
        ("    role: [Partner, Owner]", "takes one value"),
        ("    external_ids: [abc]", "not a pair"),
        ("    role: !secret x", "Words with !"),
        ("    role: &r x", "Names with & or *"),
        ("    role: *r", "Names with & or *"),
        ("    role: {a: {b: c}}", "Only one value can follow"),
        ("    role: [[Owner]]", "stands inside a list"),
        ("    external_ids: [[[a]]]", "stands inside a list"),
        ("    email: twice@firm.example", "there twice"),
        ("    E-Mail: twice@firm.example", "there twice"),
        ("    rolle: Owner", "Did you mean 'role'?"),
        ('    role: "a\\u0007b"', "invisible character U+0007"),
        ('    role: "a\\u202eb"', "invisible character U+202E"),
        ("    role: " + "x" * 101, "at most 100 fit"),
        ("    role: " + "x" * 100_001, "at most 100000 are read"),
        ("   role: Owner", "cannot be read as YAML"),
        ("    role: 'Owner", "cannot be read as YAML"),
        ("  - just words", "not a staff member"),
        ("staff: []", "there twice"),
        ("matter: []", "Did you mean 'matters'?"),
        ("matters: {m1: Estate}", "not a list"),
        ("---\nstaff: []", "second document"),
        ("groups:\n  - {id: g, name: G, members: [g]}", "contains itself"),
        (
            "groups:\n  - {id: g, name: G, members: [h]}\n  - {id: h, name: H, members: [i, g]}\n"
            "  - {id: i, name: I, members: [nquill]}",
            "contains itself",
        ),
        ("groups:\n  - {id: nquill, name: G}", "staff member's id"),
        ("groups:\n  - {id: g, name: G, deleted: yes}\n  - {id: h, name: H, members: [g]}", "marked as deleted"),
        (
            "channels:\n  - {name: Court Filings}\n  - {name: court_filings}",
            "already the name of the channel in line 11",
        ),
        ("channels:\n  - {name: Court Filings, participants: [nobody]}", "neither a staff member nor a group"),
    ],
)
def test_what_cannot_be_meant_is_refused(tmp_path: Path, addition: str, message: str) -> None:
    assert message in only_problem(tmp_path, STAFF + addition + "\n").message


@pytest.mark.parametrize(
    ("addition", "message"),
    [
        ("  - {id: m2, number: 2026-0042, title: Again}", "already the number of the matter in line 12"),
        ("  - {id: 2026-0042, number: 2026-0043, title: Again}", "another matter's number"),
        ("    allowed: [ehart]", "open to all"),
        ("access:\n  - {matter: m1, person: ehart}", "not restricted"),
        ("access:\n  - {matter: m9, person: ehart}", "not the id or number of a matter"),
        ("    status: Finished", "not a status"),
        ("walls:\n  - {id: w, people: [ehart]}", "neither a matter nor a client"),
        ("walls:\n  - {id: w, people: [ehart], matter: m1, client: Margaret Hollis}", "both a matter and a client"),
        ("walls:\n  - {id: w, people: [ehart], client: Margret Hollis}", "Did you mean 'Margaret Hollis'?"),
        ("walls:\n  - {id: w, people: [ehart], matter: 2026-0024}", "not the id or number of a matter"),
        ("walls:\n  - {id: w, people: [ehrt], matter: m1}", "Did you mean 'ehart'?"),
        ("walls:\n  - {id: w, people: [~], matter: m1}", "has no people"),
        ("walls:\n  - {id: w, people: ;, matter: m1}", "has no people"),
        ("walls:\n  - {id: w, kind: block, people: [ehart], matter: m1}", "not a form of wall"),
        (
            "walls:\n  - {id: w, people: [ehart], matter: m1, since: 2026-02-01, expires: 2026-01-31}",
            "before it begins",
        ),
        ("walls:\n  - {id: w, people: [ehart], matter: m1, since: 2026-02-30}", "not a day of the calendar"),
    ],
)
def test_what_contradicts_is_refused(tmp_path: Path, addition: str, message: str) -> None:
    assert message in only_problem(tmp_path, STAFF + MATTERS + addition + "\n").message


def test_a_wall_may_screen_somebody_with_a_role_on_the_matter(tmp_path: Path) -> None:
    firm = read(tmp_path, STAFF + MATTERS + "walls:\n  - {id: w, people: [nquill], matter: m1}\n")
    assert firm.walls["w"].people == ("nquill",)


@pytest.mark.parametrize(
    "text", ["", "staff:\n", "staff: []\n", STAFF.replace("    email", "    former: yes\n    email")]
)
def test_an_empty_directory_is_refused(tmp_path: Path, text: str) -> None:
    assert "No active staff member" in only_problem(tmp_path, text).message


def test_a_byte_order_mark_and_windows_line_ends_are_fine(tmp_path: Path) -> None:
    assert read(tmp_path, b"\xef\xbb\xbf" + STAFF.replace("\n", "\r\n").encode()) == read(tmp_path, STAFF)


def test_other_encodings_are_refused_with_the_line(tmp_path: Path) -> None:
    problem = only_problem(tmp_path, STAFF.replace("Elias", "Élias").encode("cp1252"))
    assert problem.line == 7
    assert "UTF-8" in problem.message


@pytest.mark.parametrize(
    "nonsense",
    [
        b"\x00" * 10 * MEGABYTES,
        bytes(range(256)) * 40 * 1024,
        b"[" * 10 * MEGABYTES,
        b"{a: " * 2 * MEGABYTES,
        b"- " * 5 * MEGABYTES,
        b"a" * 10 * MEGABYTES,
        b"staff:\n" + b"- x\n" * 2 * MEGABYTES,
        b"staff:\n" + b"- {}\n" * 2 * MEGABYTES,
        b"channels:\n" + b"- {name: a}\n" * MEGABYTES,
        b"staff:\n - role: [" + b"a," * 5 * MEGABYTES,
        b"a: &a [x]\nb: &b [*a,*a]\n" + b"c: [*b,*b]\n" * MEGABYTES,
    ],
    ids=["zeros", "bytes", "deep", "flow", "dashes", "word", "words", "empty", "same", "list", "bomb"],
)
def test_ten_megabytes_of_nonsense_are_an_error(tmp_path: Path, nonsense: bytes) -> None:
    assert 1 <= len(problems(tmp_path, nonsense)) <= MOST_PROBLEMS


def test_no_more_problems_are_collected_than_anybody_reads(tmp_path: Path) -> None:
    text = STAFF + "".join(f"  - {{id: p{number}}}\n" for number in range(1000))
    with pytest.raises(DirectoryError, match="There may be more") as caught:
        read(tmp_path, text)
    assert len(caught.value.problems) == MOST_PROBLEMS


def test_a_file_over_the_bound_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "directory.yaml"
    path.write_text(STAFF)
    with pytest.raises(DirectoryError, match="larger than 100 bytes"):
        read_directory(path, 100)


@pytest.mark.parametrize("name", ["gone.yaml", "gone/directory.yaml"])
def test_a_vanished_file_says_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(DirectoryError, match="No such file"):
        read_directory(tmp_path / name)


def test_a_device_is_not_read() -> None:
    with pytest.raises(DirectoryError, match="neither a file nor a folder"):
        read_directory(Path("/dev/zero"))
