"""The audit log on the command line: whether it is whole, and a copy of it for others to keep."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import orjson
import typer

from bridge.cli.exits import Exit, Stop
from bridge.cli.firm import with_firm
from bridge.cli.shell import Config, say

if TYPE_CHECKING:
    from bridge.app import FirmService
    from bridge.store.audit import Audited

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
    from bridge.store import audit as rows

    async def work(service: FirmService) -> rows.Chain:
        return await service.store.run(lambda: rows.verify(head))

    try:
        chain = with_firm(config, work)
    except rows.TamperedError as error:
        raise Stop(Exit.TAMPERED, str(error)) from error
    say(f"The audit log is whole: {chain.entries} entries.")
    say(f"Keep this digest of today where others cannot change it: {chain.head}")


@audit.command("export")
def export(
    config: Config = None,
    form: Annotated[Form, typer.Option("--form", help="JSON lines, or CSV for a spreadsheet.")] = Form.JSONL,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="A new file. Default: the terminal.")] = None,
) -> None:
    """Write out the audit log, oldest entry first, with the digests that hold it together."""

    async def work(service: FirmService) -> int:
        from bridge.store import audit as rows

        count = 0
        # Only for its owner to read, and never over another file.
        with _target(output) as target:
            page = await service.store.run(rows.audited)
            while page:
                for line in _lines(page, form, head=count == 0):
                    target.write(line)
                count += len(page)
                page = await service.store.run(partial(rows.audited, page[-1].position))
        return count

    count = with_firm(config, work)
    if output is not None:
        say(f"{count} entries written to {output}.")


def _target(output: Path | None) -> AbstractContextManager[TextIO]:
    """Where to write. Raises Stop where that cannot be."""
    if output is None:
        return nullcontext(sys.stdout)
    try:
        output.touch(0o600, exist_ok=False)
    except FileExistsError as error:
        raise Stop(Exit.EXISTS, f"{output} is there already. Name another file.") from error
    except OSError as error:
        raise Stop(Exit.USAGE, f"{output} cannot be written: {error.strerror}.") from error
    return output.open("w", encoding="utf-8", newline="")


def _lines(page: list[Audited], form: Form, *, head: bool) -> Iterator[str]:
    for number, found in enumerate(page):
        written = _as_dict(found)
        if form is Form.JSONL:
            yield orjson.dumps(written).decode() + "\n"
            continue
        text = io.StringIO()
        writer = csv.writer(text)
        if head and number == 0:
            writer.writerow(written)
        writer.writerow(_harmless(str(value)) for value in written.values())
        yield text.getvalue()


def _as_dict(found: Audited) -> dict[str, Any]:
    entry = asdict(found.entry)
    at = datetime.fromtimestamp(found.entry.at_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return {"position": found.position, "at": at, **entry, "digest": found.digest}


def _harmless(cell: str) -> str:
    """A spreadsheet runs what begins so as a formula; titles are typed by people."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
