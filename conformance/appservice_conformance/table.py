"""The published table: what was seen of each service, made from the files of results.

python -m appservice_conformance.table RESULTS... > PAGE
python -m appservice_conformance.table --check PAGE RESULTS...
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from appservice_conformance import cases
from appservice_conformance.case import Level

Json = dict[str, Any]
_WORDS = {Level.MUST: "must", Level.SHOULD: "should", Level.ROBUST: "robust"}
_HEAD = """# Conformance of application services

<!-- Made by `make conformance` from conformance/results/. Run that, and do not change this page. -->

What [the conformance suite](../conformance/README.md) saw: it talks to an application service as a homeserver
does, over plain HTTP, and looks at what reaches the rooms. Each case names the part of the specification that it
proves. *Must* and *should* are the specification's; *robust* is beyond it, what homeservers and networks do to a
service. A library is tried as its documentation uses it, without a database or a queue that somebody might put behind
it."""


@dataclass(frozen=True)
class Case:
    """A case as it is published."""

    name: str
    level: Level
    section: str
    sentence: str


def all_cases() -> Iterator[Case]:
    """Every case, in the order of the suite."""
    for module in sorted(pkgutil.iter_modules(cases.__path__), key=lambda one: one.name):
        if module.name.endswith("_cases"):
            loaded = importlib.import_module(f"{cases.__name__}.{module.name}")
            for name, function in inspect.getmembers(loaded, inspect.isfunction):
                for mark in getattr(function, "pytestmark", ()):
                    if mark.name == "case":
                        level, section = mark.args
                        yield Case(f"{module.name}.py::{name}", level, section, inspect.getdoc(function) or "")


def page(results: list[Json]) -> str:
    """The page. Raises KeyError for a case that a service was not tried with."""
    names = [result["name"] for result in results]
    parts = [_HEAD, "Tried were " + ", ".join(f"**{one['name']}** ({one['version']})" for one in results) + "."]
    found = list(all_cases())
    parts.append(_table(["Holds, of the cases tried", *names], [_sums(level, found, results) for level in Level]))
    for section in sorted({case.section for case in found}):
        rows = [
            [_WORDS[case.level], case.sentence, *(_shown(result["results"][case.name]) for result in results)]
            for case in found
            if case.section == section
        ]
        parts += [f"## {section}", _table(["", "Case", *names], rows)]
    return "\n\n".join(parts) + "\n"


def _sums(level: Level, found: list[Case], results: list[Json]) -> list[str]:
    chosen = [case.name for case in found if case.level is level]
    outcomes = [[result["results"][name] for name in chosen] for result in results]
    return [_WORDS[level], *(_sum([one for one in row if one["passed"] or one["failed"]]) for row in outcomes)]


def _sum(tried: list[Json]) -> str:
    return f"{sum(not one['failed'] for one in tried)} of {len(tried)}"


def _shown(one: Json) -> str:
    notes = f" ({', '.join(dict.fromkeys(one['notes']))})" if one["notes"] else ""
    if not one["failed"]:
        return ("yes" if one["passed"] else "not tried") + notes
    tried = one["passed"] + one["failed"]
    return ("no" if one["failed"] == tried else f"no, in {one['failed']} of {tried}") + notes


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def main() -> None:
    """Write the page, or compare it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument("--check", type=Path)
    options = parser.parse_args()
    try:
        made = page([json.loads(path.read_text()) for path in options.results])
    except KeyError as error:
        sys.exit(f"There is no result for {error}. Run make conformance.")
    if options.check is None:
        sys.stdout.write(made)
    elif options.check.read_text() != made:
        sys.exit(f"{options.check} is not what the results say. Run make conformance.")


if __name__ == "__main__":
    main()
