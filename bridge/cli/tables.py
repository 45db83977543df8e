"""Tables and progress for people."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bridge.check import Finding, Verdict

if TYPE_CHECKING:
    from bridge.check.deep import Discrepancy

_ICONS = {
    Verdict.OK: "[green]✔[/]",
    Verdict.WARNING: "[yellow]![/]",
    Verdict.MISSING: "[red]✘[/]",
    Verdict.UNSEEN: "[cyan]?[/]",
}


def print_table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows as a table."""
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    Console(highlight=False).print(table)


def print_findings(findings: Sequence[Finding]) -> None:
    """Print what was found as a table, and below it what to do about each thing that is not in order."""
    console = Console(highlight=False)
    table = Table.grid(padding=(0, 1))
    for finding in findings:
        table.add_row(_ICONS[finding.state], f"[bold]{escape(finding.name)}[/]: {escape(finding.what)}")
    console.print(table)
    # What several findings need is said once.
    for icon, name, remedy in dict.fromkeys(
        (_ICONS[finding.state], finding.name, finding.remedy)
        for finding in findings
        if finding.remedy and not finding.yaml
    ):
        console.print(f"\n{icon} [bold]{escape(name)}[/]")
        console.print(escape(textwrap.indent(remedy, "    ")), soft_wrap=True)
    if lines := [finding.yaml for finding in findings if finding.yaml]:
        console.print("\n[bold]For homeserver.yaml[/], in place of lines of the same name; then restart Synapse:\n")
        console.print(escape("\n".join(lines)), soft_wrap=True)
    missing = sum(finding.state is Verdict.MISSING for finding in findings)
    console.print(f"\n[bold]{missing} missing.[/]" if missing else "\n[bold]Nothing is missing.[/]")


def print_differences(differences: Sequence[Discrepancy] | None) -> None:
    """Print what the deep check found; None where it could not be made."""
    console = Console(highlight=False)
    if differences is None:
        console.print("\n[bold]Nothing was compared.[/] Put right what is missing first.")
        return
    console.print()
    if differences:
        print_table(("Kind", "Where", "Difference"), ((one.kind, one.where, one.what) for one in differences))
        count = "1 difference" if len(differences) == 1 else f"{len(differences)} differences"
        console.print(f"\n[bold]{count}[/] between Matrix, the database and the directory.")
    else:
        console.print("[bold]No difference[/] between Matrix, the database and the directory.")


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Show on standard error that something is under way; nothing where that is no terminal."""
    with Console(stderr=True).status(what):
        yield


@contextmanager
def progress_bar(description: str) -> Iterator[Callable[[int, int, str], None]]:
    """A bar on standard error; the function takes how many of how many are done, and the one just done."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("{task.fields[label]}", markup=False), console=console) as progress:
        task = progress.add_task(description, total=None, label="")

        def show(done: int, total: int, label: str) -> None:
            progress.update(task, completed=done, total=total, label=label)

        yield show
