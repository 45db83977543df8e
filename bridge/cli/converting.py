"""`firm-bridge directory convert`: what the bridge would make of another system's export, and what it would change."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from bridge.cli.exits import Exit, Stop
from bridge.cli.firm import with_firm
from bridge.cli.shell import Config, complain, read_settings, say

if TYPE_CHECKING:
    from datetime import date

    from bridge.directory.change import DirectoryChange
    from bridge.directory.fields import RecordKind
    from bridge.directory.forms.converting import Converted, KindMapping
    from bridge.firm.model import Firm
    from bridge.service import FirmService
    from bridge.settings import DirectorySettings

_SHOWN = 40
_MAPPING_BYTES = 1024 * 1024


def directory_convert(
    exports: Annotated[list[str], typer.Argument(metavar="KIND=FILE...", help="Such as staff=people.csv.")],
    mapping: Annotated[
        Path | None, typer.Option(help="A YAML file that says which column each field comes from (docs/directory.md).")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="A folder for the files that are made. Else none are.")] = None,
    dates: Annotated[
        Literal["year-first", "day-first", "month-first"] | None,
        typer.Option(
            help="What comes first in dates in numbers: year-first, day-first or month-first. Default: the setting"
            " directory.dates."
        ),
    ] = None,
    alone: Annotated[
        bool, typer.Option("--alone", help="Do not compare with the firm; needs no configuration.")
    ] = False,
    config: Config = None,
) -> None:
    """Show what the bridge would make of exports of another system, and what would change in the firm. Changes nothing.

    KIND is one of staff, groups, matters, access, walls and channels.
    """
    from bridge.directory.forms.converting import read_mapping
    from bridge.directory.read import read_bytes

    sources = _sources(exports)
    mappings: Mapping[str, KindMapping] = {}
    if mapping is not None:
        mappings = read_mapping(mapping.name, read_bytes(mapping, _MAPPING_BYTES).decode("utf-8", "replace"))
    if alone:
        made = _convert(sources, mappings, dates or "year-first", None)
        _show(made)
        _check_values(made)
    else:
        settings = read_settings(config).directory
        firm, today = with_firm(config, _in_force)
        made = _convert(sources, mappings, dates or settings.dates, firm)
        _show(made)
        _show_change(_change(settings, made, firm, today), settings.removal_limit)
    if output is not None:
        _write(made, output)


def _sources(exports: list[str]) -> list[tuple[RecordKind, Path]]:
    """Each kind with its file, staff first: whom others name by their names is in there."""
    from bridge.directory.fields import KINDS

    known = {kind.name: kind for kind in KINDS}
    found: dict[str, tuple[RecordKind, Path]] = {}
    for one in exports:
        name, _, file = one.partition("=")
        if name not in known or not file:
            raise Stop(Exit.USAGE, f"Write KIND=FILE, with one of {', '.join(known)}; not {one!r}.")
        if name in found:
            raise Stop(Exit.USAGE, f"There are two files for {name}. Give one.")
        found[name] = known[name], Path(file)
    return [found[name] for name in known if name in found]


async def _in_force(service: FirmService) -> tuple[Firm, date]:
    return service.directory.firm, service.directory.today()


def _convert(
    sources: list[tuple[RecordKind, Path]],
    mappings: Mapping[str, KindMapping],
    dates: Literal["year-first", "day-first", "month-first"],
    firm: Firm | None,
) -> list[Converted]:
    from bridge.directory.forms.converting import KindMapping, converted, people_in
    from bridge.directory.forms.sheet_form import SheetForm, is_unicode
    from bridge.directory.read import MAX_BYTES, read_bytes

    made: list[Converted] = []
    staff = dict(firm.staff) if firm is not None else {}
    form = SheetForm("windows-1252", dates, "ignore")
    for kind, path in sources:
        data = read_bytes(path, MAX_BYTES)
        if not is_unicode(data):
            complain(
                f"{path.name} is not Unicode and was read as Windows-1252. Look whether letters with accents are right."
            )
        made.append(converted(kind, path.name, data, form, mappings.get(kind.name, KindMapping()), staff))
        staff |= people_in(made[-1])
    return made


def _show(made: list[Converted]) -> None:
    from bridge.cli.tables import print_table

    for one in made:
        count = "1 record" if one.records == 1 else f"{one.records} records"
        say(f"{one.kind.csv_name}: {count}")
        rows = (
            [column.name or "(no name)", ", ".join(column.becomes) or "passed over", column.example[:_SHOWN]]
            for column in one.columns
        )
        print_table(("Column", "Becomes", "Such as"), rows)
        say("")


def _check_values(made: list[Converted]) -> None:
    """Raise DirectoryError where a value cannot be used. Whom and what records name is not looked for."""
    from bridge.directory.problems import ProblemList
    from bridge.directory.reading import read_rows

    problems = ProblemList()
    read_rows((row for one in made for row in one.rows()), problems)
    problems.raise_any()


def _change(settings: DirectorySettings, made: list[Converted], firm: Firm, today: date) -> DirectoryChange:
    """What changes where these take the place of the records of their kinds. Raises DirectoryError."""
    from bridge.directory.change import diff_firms
    from bridge.directory.forms.sheet_form import form_of
    from bridge.directory.read import fetch, firm_of

    instead = {one.kind.csv_name: one.rows() for one in made}
    new = firm_of(fetch(Path(settings.path)), form_of(settings), instead)
    return diff_firms(firm, new, today)


def _show_change(change: DirectoryChange, limit: int) -> None:
    say("In place of what the directory has of these kinds, this would change:")
    for line in change.lines():
        say(f"  {line}")
    if change.needs_confirmation(limit):
        say(
            f"That takes away more than {limit} % of staff, access or walls, so it would wait for `!directory confirm`."
        )
    say("Nothing was changed.")


def _write(made: list[Converted], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if there := [one.kind.csv_name for one in made if (folder / one.kind.csv_name).exists()]:
        raise Stop(Exit.EXISTS, f"{', '.join(there)} in {folder} exist already. Give another folder.")
    for one in made:
        (folder / one.kind.csv_name).write_bytes(one.data)
    say(f"Written to {folder}: {', '.join(one.kind.csv_name for one in made)}.")
