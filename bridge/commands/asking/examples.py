"""Examples that name colleagues of whoever reads them, in the place of the made-up ones that commands declare. Pure.

Only people: a matter's number would tell of it in front of somebody who must not see it (M3).
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from bridge.commands.asking.table import Command
from bridge.firm.model import Firm, Staff
from bridge.firm.names import plain

MADE_UP = (("ruth", "Ruth Adeyemi"), ("tom", "Tom Price"))
"""The people of declared examples: the @name and the name."""
_MADE_UP = re.compile("|".join(form for local, name in MADE_UP for form in (rf"@{local}\b", rf"\b{name}\b")))


def examples_for(command: Command, firm: Firm, reader: Staff, named: Sequence[Staff] = ()) -> tuple[str, ...]:
    """A command's examples with people of the firm, those `named` first; as they are declared where it has too few."""
    if not any(map(_MADE_UP.search, command.examples)):
        return command.examples
    others = [one for one in colleagues(firm, reader) if one not in named]
    words = {
        made_up: theirs
        for (local, name), one in zip(MADE_UP, [*named, *others], strict=False)
        for made_up, theirs in ((f"@{local}", f"@{plain(one.first_name)}"), (name, one.name))
    }
    return tuple(_MADE_UP.sub(lambda found: words.get(found[0], found[0]), example) for example in command.examples)


def colleagues(firm: Firm, reader: Staff) -> Sequence[Staff]:
    """The next two by name whom an @ and their first name mean, so that not everybody tries it on the same person."""
    listed = firm.found_in_staff(_told_by_first_names)
    behind = bisect_right(listed, _by_name(reader), key=_by_name)
    most = len(MADE_UP) + 1
    first = [*listed[behind : behind + most], *listed[: min(behind, most)]]
    return [one for one in first if one.id != reader.id][: len(MADE_UP)]


def named_in(words: Collection[str], firm: Firm, reader: Staff) -> list[Staff]:
    """The colleagues whose first names are among these words and mean nobody else."""
    listed = firm.found_in_staff(_told_by_first_names)
    return [one for one in listed if plain(one.first_name) in words and one.id != reader.id]


def _told_by_first_names(staff: Mapping[str, Staff]) -> Sequence[Staff]:
    """Who works here and is the only one whom their first name means, by name."""
    active = [one for one in staff.values() if one.active]
    called = Counter(word for one in active for word in {plain(one.first_name), plain(one.last_name)})
    return sorted((one for one in active if _is_word(one) and called[plain(one.first_name)] == 1), key=_by_name)


def _by_name(one: Staff) -> tuple[str, str]:
    return one.name.casefold(), one.id


def _is_word(one: Staff) -> bool:
    first = plain(one.first_name)
    return first.isascii() and first.isalpha()
