"""The audit log on the command line: whether it is whole, and a copy of it for others to keep."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO
from zoneinfo import ZoneInfo

import orjson
import typer

from bridge.cli.firm import find_person, with_firm
from bridge.cli.shell import Config, say
from bridge.cli.spreadsheet import harmless, new_file

if TYPE_CHECKING:
    from bridge.service import FirmService
    from bridge.store.record.audit import Audited
    from bridge.wording.audit_lines import Names

_DAY = ["%Y-%m-%d"]
audit = typer.Typer(help="The log of every change of membership, access and policy.", no_args_is_help=True)


class Form(StrEnum):
    """How entries are written."""

    JSONL = "jsonl"
    CSV = "csv"


@audit.command("verify")
def verify(
    config: Config = None,
    head: Annotated[str, typer.Option("--head", help="A digest noted earlier, which must still be in the log.")] = "",
) -> None:
    """Look through the whole audit log and say whether anything in it was changed, left out or added."""
    from bridge.store.record import audit as rows

    async def work(service: FirmService) -> rows.Chain:
        so_far = rows.Verified()
        while (further := await service.store.read(rows.verify_page, so_far, head)) != so_far:
            so_far = further
        return rows.verified(so_far, head)

    chain = with_firm(config, work)
    say(f"The audit log is whole: {chain.entries} entries.")
    say(f"Keep this digest of today where others cannot change it: {chain.head}")


@audit.command("export")
def export(
    config: Config = None,
    form: Annotated[Form, typer.Option("--form", help="jsonl for JSON lines, csv for a spreadsheet.")] = Form.JSONL,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file. Default: the terminal.")] = None,
    person: Annotated[str, typer.Option(help="Only what this person did, or what concerns them.")] = "",
    since: Annotated[datetime | None, typer.Option(formats=_DAY, help="Only from this day on.")] = None,
    until: Annotated[
        datetime | None, typer.Option(formats=_DAY, help="Only until this day, which is included.")
    ] = None,
    refused: Annotated[bool, typer.Option("--refused", help="Only what was refused.")] = False,
) -> None:
    """Write out the audit log, oldest entry first, with the digests that hold it together.

    A spreadsheet has names beside ids, and each entry in words.

    Of a part of it nobody can tell whether it is whole: keep whole ones for that.
    """

    async def work(service: FirmService) -> int:
        from bridge.firm.audit import Outcome
        from bridge.store.record import audit as rows
        from bridge.wording.audit_lines import names_of

        zone = ZoneInfo(service.settings.firm.timezone)
        asked = rows.Filter(
            person=await _staff_id(service, person) if person else "",
            outcome=Outcome.REFUSED if refused else None,
            since_ms=_begin(since, zone) if since else None,
            until_ms=_begin(until + timedelta(days=1), zone) if until else None,
        )
        count = 0
        # Only for its owner to read, and never over another file.
        with _target(output) as target:
            page = await service.store.read(rows.audited, asked=asked)
            while page:
                named = await service.store.read(names_of, service.directory.firm, [one.entry for one in page])
                for line in _lines(page, form, named, head=count == 0):
                    target.write(line)
                count += len(page)
                page = await service.store.read(rows.audited, page[-1].position, asked=asked)
        return count

    count = with_firm(config, work)
    if output is not None:
        say(f"{count} entries written to {output}.")


async def _staff_id(service: FirmService, wanted: str) -> str:
    from bridge.store.rooms.accounts import staff_by_localpart

    server = service.settings.homeserver.server_name
    accounts = await service.store.read(staff_by_localpart)
    user_ids = {staff_id: f"@{localpart}:{server}" for localpart, staff_id in accounts.items()}
    return find_person(service.directory.firm, user_ids, wanted).id


def _begin(which: datetime, zone: ZoneInfo) -> int:
    """When that day begins in the firm, in milliseconds since the epoch."""
    return int(which.replace(tzinfo=zone).timestamp() * 1000)


def _target(output: Path | None) -> AbstractContextManager[TextIO]:
    """Where to write. Raises Stop where that cannot be."""
    return nullcontext(sys.stdout) if output is None else new_file(output)


def _lines(page: list[Audited], form: Form, names: Names, *, head: bool) -> Iterator[str]:
    for number, found in enumerate(page):
        written = _as_dict(found)
        if form is Form.JSONL:
            yield orjson.dumps(written).decode() + "\n"
            continue
        written = _with_names(written, found, names)
        text = io.StringIO()
        writer = csv.writer(text)
        if head and number == 0:
            writer.writerow(written)
        writer.writerow(harmless(str(value)) for value in written.values())
        yield text.getvalue()


def _with_names(written: dict[str, Any], found: Audited, names: Names) -> dict[str, Any]:
    """The same columns with names behind the ids, and the entry in words."""
    from bridge.firm.audit import Deed
    from bridge.firm.text.directions import together
    from bridge.wording.audit_lines import audit_words

    entry = found.entry
    command = entry.deed is Deed.COMMAND
    shown = {
        "actor": names.person(entry.actor) if entry.actor else "",
        "subject": f"!{entry.subject}" if command else names.shown(entry.subject, found.position),
        "person": names.person(entry.person) if entry.person else "",
    }
    columns: dict[str, Any] = {}
    for column, value in written.items():
        columns[column] = value
        if column in shown:
            columns[f"{column}_name"] = together(shown[column])
    # A deed that no version wrote was changed by hand, which the digest tells.
    known = isinstance(entry.deed, Deed)
    return {**columns, "in_words": together(audit_words(names, found)) if known else ""}


def _as_dict(found: Audited) -> dict[str, Any]:
    entry = asdict(found.entry)
    at = datetime.fromtimestamp(found.entry.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {"position": found.position, "at": at, **entry, "digest": found.digest}
