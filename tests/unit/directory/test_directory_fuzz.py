"""Whatever stands in the files, reading them ends in a firm or in DirectoryError, and in nothing else."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.directory.problems import MOST_PROBLEMS, DirectoryError
from bridge.directory.read import Snapshot, firm_of
from bridge.firm.text.visible import unseen_in

ROOT = Path(__file__).parents[3]
YAML = (ROOT / "config/demo/directory.yaml").read_bytes()
CSV = {path.name: path.read_bytes() for path in sorted((ROOT / "config/example-csv").iterdir())}

# Pieces that mean something to one of the parsers, so that mutations reach further than random bytes would.
pieces = st.one_of(
    st.binary(max_size=6),
    st.text(max_size=6).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(
        [b"\n", b"  ", b"- ", b": ", b"'", b'"', b"&a ", b"*a", b"!!int ", b"---\n", b"[", b"]", b"{", b"}"]
    ),
    st.sampled_from([b"? ", b"#", b"|\n", b"<<: ", b";", b",", b"\r", b"\t", b"\xef\xbb\xbf", b"~", b"yes", b"%"]),
    st.sampled_from([b"partners", b"2026-13-45", b"2026-0042", b"eashcombe"]),
)
edits = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 40), pieces), min_size=1, max_size=4)


def mutated(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for place, cut, piece in changes:
        start = int(place * len(data))
        data = data[:start] + piece + data[start + cut :]
    return data


def is_one_clean_line(text: str) -> bool:
    return not unseen_in(text) and not re.search(r"[^\S ]", text)


def check(files: Mapping[str, bytes], *, folder: bool) -> None:
    try:
        firm = firm_of(Snapshot(Path("directory.yaml"), (), files, folder))
    except DirectoryError as error:
        assert 1 <= len(error.problems) <= MOST_PROBLEMS
        assert all(problem.message and is_one_clean_line(str(problem)) for problem in error.problems)
    else:
        assert firm.active_staff
        named = {name for matter in firm.matters.values() for name in (*matter.team, *matter.allowed)}
        assert named <= firm.staff.keys() | firm.groups.keys()


@given(st.binary(max_size=200))
def test_random_bytes(data: bytes) -> None:
    check({"directory.yaml": data}, folder=False)
    check({**CSV, "staff.csv": data}, folder=True)
    check({**CSV, "walls.csv": data}, folder=True)


@settings(max_examples=60, deadline=None)
@given(edits)
def test_a_damaged_yaml_file(changes: list[tuple[float, int, bytes]]) -> None:
    check({"directory.yaml": mutated(YAML, changes)}, folder=False)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(CSV)), edits)
def test_a_damaged_csv_file(name: str, changes: list[tuple[float, int, bytes]]) -> None:
    check({**CSV, name: mutated(CSV[name], changes)}, folder=True)


@settings(max_examples=30, deadline=None)
@given(st.floats(0, 1))
def test_a_file_cut_short(place: float) -> None:
    with contextlib.suppress(DirectoryError):
        firm_of(Snapshot(Path("directory.yaml"), (), {"directory.yaml": YAML[: int(place * len(YAML))]}, folder=False))
