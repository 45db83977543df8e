"""The directory's files: what they look like from outside, what is in them, and the firm they describe."""

from __future__ import annotations

import hashlib
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bridge.directory.building import build_firm
from bridge.directory.checks import check_records
from bridge.directory.fields import KINDS, suggest
from bridge.directory.forms.csv_form import csv_rows
from bridge.directory.forms.rows import SheetRow
from bridge.directory.forms.sheet_form import AS_EVERYBODY, SheetForm
from bridge.directory.forms.yaml_form import yaml_rows
from bridge.directory.problems import ChangedWhileReadError, DirectoryError, ProblemList, RecordProblem
from bridge.directory.reading import read_rows
from bridge.directory.references import resolve_references
from bridge.firm.model import Firm

MAX_BYTES = 64 * 1024 * 1024
"""Of one file of the directory."""
NOTHING: Mapping[str, Iterable[SheetRow]] = MappingProxyType({})
Fingerprint = tuple[tuple[str, int, int, int], ...]
"""For each file: its name, time of change in nanoseconds, size and inode."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All files of the directory as they were at one moment."""

    path: Path
    fingerprint: Fingerprint
    files: Mapping[str, bytes]
    """By name; for a folder those that are records, each under the name its kind gives it."""
    folder: bool

    @property
    def digest(self) -> str:
        """What makes the content the same, whenever it was written."""
        digest = hashlib.sha256()
        for name, data in sorted(self.files.items()):
            digest.update(f"{name}:{len(data)}:".encode())
            digest.update(data)
        return digest.hexdigest()


def read_directory(path: Path, max_bytes: int = MAX_BYTES, form: SheetForm = AS_EVERYBODY) -> Firm:
    """The firm that the YAML file or the folder of CSV files describes, validated whole.

    `max_bytes` bounds each file, `form` says how CSV is written. Raises DirectoryError with every
    problem found, up to MOST_PROBLEMS.
    """
    return firm_of(fetch(path, max_bytes), form)


def look(path: Path) -> Fingerprint:
    """What the files look like from outside, without reading them. Raises DirectoryError when they cannot be seen."""
    return tuple(_describe(file) for file in _files(path).values())


def fetch(path: Path, max_bytes: int = MAX_BYTES) -> Snapshot:
    """The content of the files. Raises ChangedWhileReadError when they changed meanwhile, DirectoryError otherwise."""
    before = look(path)
    files = _files(path)
    for (_, _, size, _), file in zip(before, files.values(), strict=False):
        if size > max_bytes:
            raise _too_large(file, max_bytes)
    contents = {name: read_bytes(file, max_bytes) for name, file in files.items()}
    if look(path) != before:
        problem = RecordProblem(path.name, 0, "", "", "The directory was being written while it was read. Try again.")
        raise ChangedWhileReadError((problem,))
    return Snapshot(path, before, contents, folder=path not in files.values())


def firm_of(
    snapshot: Snapshot, form: SheetForm = AS_EVERYBODY, instead: Mapping[str, Iterable[SheetRow]] = NOTHING
) -> Firm:
    """The firm that the content describes. Pure.

    `instead` has records, by the name of their kind's CSV file, that take the place of those.
    Raises DirectoryError with every problem found.
    """
    problems = ProblemList()
    records = read_rows(rows_of(snapshot, problems, form, instead), problems)
    resolve_references(records, problems)
    check_records("staff.csv" if snapshot.folder else snapshot.path.name, records, problems)
    problems.raise_any()
    return build_firm(records)


def rows_of(
    snapshot: Snapshot,
    problems: ProblemList,
    form: SheetForm = AS_EVERYBODY,
    instead: Mapping[str, Iterable[SheetRow]] = NOTHING,
) -> Iterator[SheetRow]:
    """The records of the files, with their values not read yet; `instead` as for firm_of."""
    if not snapshot.folder:
        rows = yaml_rows(snapshot.path.name, snapshot.files[snapshot.path.name], problems)
        yield from (row for row in rows if row.kind.csv_name not in instead)
    for kind in KINDS:
        if kind.csv_name in instead:
            yield from instead[kind.csv_name]
        elif snapshot.folder and kind.csv_name in snapshot.files:
            yield from csv_rows(kind, snapshot.files[kind.csv_name], problems, form)


def _files(path: Path) -> dict[str, Path]:
    """The files to read, by the name their kind gives them. Raises DirectoryError when one is missing or unknown."""
    try:
        if not path.is_dir():
            if path.suffix.casefold() == ".csv":
                raise _file_error(path, "is one CSV file. Give the folder that holds all of them")
            return {path.name: path}
        entries = sorted(path.iterdir())
    except OSError as error:
        raise _file_error(path, f"cannot be read: {error.strerror}") from error
    known = {kind.csv_name for kind in KINDS}
    found: dict[str, Path] = {}
    problems = ProblemList()
    for entry in entries:
        name = entry.name.casefold()
        # Spreadsheet programs leave lock and temporary files beside the one that is open.
        if not name.endswith(".csv") or name.startswith((".", "~")):
            continue
        if name not in known:
            message = f"is not a file of the directory.{suggest(name, known)} Rename it or move it away."
            problems.add(entry.name, 0, "", "", f"{entry.name} {message} Files: {', '.join(sorted(known))}.")
        elif name in found:
            problems.add(entry.name, 0, "", "", f"{entry.name} is there twice, in other capitals. Keep one.")
        else:
            found[name] = entry
    for kind in KINDS:
        if kind.csv_required and kind.csv_name not in found:
            message = f"{kind.csv_name} is missing from {path}. Put it back; with no {kind.name}, only its header line."
            problems.add(kind.csv_name, 0, "", "", message)
    problems.raise_any(complete=False)
    return found


def _describe(file: Path) -> tuple[str, int, int, int]:
    try:
        seen = file.stat()
    except OSError as error:
        raise _file_error(file, f"cannot be read: {error.strerror}") from error
    if not stat.S_ISREG(seen.st_mode):
        raise _file_error(file, "is neither a file nor a folder")
    return file.name, seen.st_mtime_ns, seen.st_size, seen.st_ino


def read_bytes(file: Path, max_bytes: int) -> bytes:
    """What is in a file. Raises DirectoryError where it cannot be read or is too large."""
    try:
        with file.open("rb") as opened:
            data = opened.read(max_bytes + 1)
    except OSError as error:
        raise _file_error(file, f"cannot be read: {error.strerror}") from error
    if len(data) > max_bytes:
        raise _too_large(file, max_bytes)
    return data


def _too_large(file: Path, max_bytes: int) -> DirectoryError:
    return _file_error(file, f"is larger than {max_bytes} bytes, which is the most that is read")


def _file_error(path: Path, what: str) -> DirectoryError:
    message = f"{path} {what}. Check the setting directory.path and that the file is there and readable."
    return DirectoryError((RecordProblem(path.name, 0, "", "", message),))
