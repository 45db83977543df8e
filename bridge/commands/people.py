"""Finding colleagues by what was typed: a mention, @name, full id, e-mail, or an unambiguous name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bridge.commands.errors import CommandError
from bridge.commands.replies import escape, repeated
from bridge.firm.model import Firm, Staff
from bridge.firm.names import folded_name, who_is_called

_MARKED = re.compile(r"@[^\s,:]+(?::[^\s,]+)?|[^\s,@]+@[^\s,@]+\.[^\s,@]+")
"""An @name, a full id, or an e-mail address."""
_BETWEEN = re.compile(r"\s*(?:,|;|&|\band\b)?\s*", re.IGNORECASE)
_SEPARATORS = re.compile(r"\s*(?:,|;|&|\s+and\s+)\s*", re.IGNORECASE)


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Unfound:
    """A word that names nobody who can be taken."""

    typed: str
    why: str
    """A sentence, in Markdown."""


@dataclass(frozen=True)
class People:
    """Who can be found: the firm's staff and their accounts."""

    firm: Firm
    localparts: Mapping[str, str]
    """Staff ids by localpart."""
    server_name: str
    bot_localpart: str

    def marked(self, word: str) -> Staff:
        """The person behind an @name, full id or e-mail address. Raises CommandError with a suggestion."""
        return self._active(self.anybody(word))

    def anybody(self, word: str) -> Staff:
        """The same, leavers included."""
        address = word.casefold()
        by_email = {person.email.casefold(): person for person in self.firm.staff.values() if person.email}
        if address in by_email:
            return by_email[address]
        localpart, _, server = address.removeprefix("@").partition(":")
        if server and server != self.server_name.casefold():
            raise CommandError(f"{repeated(word)} is not at this firm.")
        if localpart == self.bot_localpart:
            raise CommandError("That is me. Name a colleague instead.")
        staff = self.firm.staff
        owners = {local: staff[staff_id] for local, staff_id in self.localparts.items() if staff_id in staff}
        if localpart in owners:
            return owners[localpart]
        raise _unknown(word, localpart, owners)

    def named(self, name: str) -> Staff:
        """The person with this full name, or the only active one with this first or last name. Raises CommandError."""
        active = [person for person in self.firm.staff.values() if person.active]
        found = who_is_called(name, active)
        if len(found) == 1:
            return found[0]
        if found:
            choices = _either([escape(f"{person.name} ({person.role or person.email})") for person in found])
            raise CommandError(f"There is more than one {repeated(name)}: {choices}. Use the full name or a mention.")
        raise _unknown(name, folded_name(name), {folded_name(person.name): person for person in active})

    def find(self, text: str) -> tuple[tuple[Staff, ...], str]:
        """The people at the start of the text, and the rest of it. Raises CommandError for a name nobody has.

        Once one person is given by mention, @name or e-mail, only more of that kind are people, so that a message
        which begins with a colleague's name is not taken for a recipient.
        """
        people, rest = self._leading_marked(text, self.marked)
        if people or not text.strip():
            return people, rest
        names, colon, message = text.partition(":")
        # Runs of blanks would make the search for separators take for ever.
        names = " ".join(names.split())
        if not colon and (alone := self._leading_name(text)) is not None:
            return alone
        listed = [name for name in _SEPARATORS.split(names) if name]
        return tuple(self.named(name) for name in listed), message.strip()

    def find_each(self, text: str) -> tuple[tuple[Staff | Unfound, ...], str]:
        """As `find`, but one name that nobody has does not keep the others from being found."""
        people, rest = self._leading_marked(text, lambda word: _tried(self.marked, word))
        if people:
            return people, rest
        return tuple(_tried(self.named, name) for name in _SEPARATORS.split(" ".join(text.split())) if name), ""

    def _leading_marked(self, text: str, read: Callable[[str], T]) -> tuple[tuple[T, ...], str]:
        found: list[T] = []
        at = _past_separator(text, 0)
        while (word := _MARKED.match(text, at)) is not None:
            found.append(read(word[0].rstrip(".;!?")))
            at = word.end()
            following = _past_separator(text, at)
            if _MARKED.match(text, following) is None:
                break
            at = following
        return tuple(found), text[at:].lstrip(" ,:;\n") if found else text

    def _leading_name(self, text: str) -> tuple[tuple[Staff, ...], str] | None:
        """One person named by the first words, the rest being the message; None where names follow a separator."""
        words = text.split()
        for count in range(min(4, len(words)), 0, -1):
            try:
                person = self.named(" ".join(words[:count]).rstrip(",;"))
            except CommandError:
                continue
            rest = words[count:]
            if rest and (_SEPARATORS.match(f" {rest[0]} ") or words[count - 1].endswith((",", ";"))):
                return None
            return (person,), " ".join(rest)
        return None

    def _active(self, person: Staff) -> Staff:
        if not person.active:
            raise CommandError(f"{escape(person.name)} has left the firm.")
        return person


def _unknown(typed: str, wanted: str, known: Mapping[str, Staff]) -> CommandError:
    shown = repeated(typed)
    near = difflib.get_close_matches(wanted, known, n=1, cutoff=0.6)
    if not near:
        return CommandError(f"I know nobody called {shown}. Use a mention, an e-mail address or the full name.")
    return CommandError(f"I know nobody called {shown}. Did you mean {escape(known[near[0]].name)}?")


def _past_separator(text: str, at: int) -> int:
    """The place behind a comma, an "and" or blanks, if any of these stands there."""
    gap = _BETWEEN.match(text, at)
    return at if gap is None else gap.end()


def _tried(read: Callable[[str], Staff], typed: str) -> Staff | Unfound:
    try:
        return read(typed)
    except CommandError as error:
        return Unfound(typed, str(error))


def has_marked(text: str) -> re.Match[str] | None:
    """The first person in a text who is given by mention, @name or e-mail."""
    return re.search(rf"(?:(?<=\s)|^)(?:{_MARKED.pattern})", text)


def _either(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
