"""docs/attacks.md from the declared attempts: `python -m tests.synapse.attacks.page` writes it, --check compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby

from bridge.dev.place import ROOT
from tests.synapse.attacks.attempt import DELETED, Attempt, End, Who
from tests.synapse.attacks.sources import ATTACKS
from tests.synapse.attacks.table import DECLARED

FILE = ROOT / "docs" / "attacks.md"
_HEAD = """\
# What was tried

<!-- Made by `python -m tests.synapse.attacks.page` from tests/synapse/attacks/. Change that, not this page. -->

Each line is played on the real Synapse, on a firm with [the guard](admin-guide.md#the-guard) and on one without it
(`tests/synapse/test_attacks.py`). Whoever tries knows the ids of rooms and messages. For each line that is stopped, the
test also shows that no secret word (a matter's number, title, client, message, file, a name) was in any answer or in
what a new client of the person is sent afterwards, and that nothing was written in any room but the typed commands and
the bot's reaction to them, which is the same for all.

A column names what stopped it and the answer. **Not stopped** is what Matrix or Synapse cannot prevent, or what needs
the guard: [security.md](security.md) says what follows from it. The letters name the firm's rules.
"""

_OF_SOURCES = """\
## A source of the directory

What is tried through Smokeball and SCIM, or in their name, on a firm of its own with the guard that both feed, together
with a file (`make sources`, `tests/synapse/running/test_sources.py`). Where it is about a matter, those who must not
see it try to enter its conversation and to read there afterwards. All of it is stopped.
"""


def page() -> str:
    """The page."""
    tried = sorted(DECLARED, key=lambda one: list(Who).index(one.who))
    parts = [_HEAD, f"{_sum(tried)}\n"]
    for who, attempts in groupby(tried, key=lambda one: one.who):
        parts.append(f"## {who.value[0].upper()}{who.value[1:]}\n")
        parts.append("\n".join(_table(list(attempts))) + "\n")
    parts += [_OF_SOURCES, "\n".join(_of_sources()) + "\n"]
    return "\n".join(parts)


def _sum(tried: list[Attempt]) -> str:
    with_guard = sum(one.guarded.stopped for one in tried)
    without = sum(one.bare.stopped for one in tried)
    return f"{len(tried)} attempts. Stopped with the guard: {with_guard}; without it: {without}."


def _table(attempts: list[Attempt]) -> Iterator[str]:
    yield "| Rule | Attempt | With the guard | Without it |"
    yield "| --- | --- | --- | --- |"
    for one in attempts:
        yield f"| {one.rule} | {one.name} | {_end(one.guarded)} | {_end(one.bare)} |"


def _of_sources() -> Iterator[str]:
    yield "| Rule | Attempt | Stopped by |"
    yield "| --- | --- | --- |"
    for one in ATTACKS:
        yield f"| {one.rule} | {one.name} | {one.stopped} |"


def _end(end: End) -> str:
    if not end.stopped:
        return "**not stopped**"
    answer = f"{end.status} {end.code}" if end.code else DELETED if end.says == DELETED else "gives nothing"
    return f"{end.layer.value}: {answer}"


def main(arguments: list[str]) -> int:
    """Write the page; with --check, return 1 where it differs."""
    if arguments == ["--check"]:
        same = FILE.exists() and FILE.read_text(encoding="utf-8") == page()
        if not same:
            sys.stderr.write("docs/attacks.md is not what is tried. Run: python -m tests.synapse.attacks.page\n")
        return 0 if same else 1
    FILE.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
