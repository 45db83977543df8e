"""Finding colleagues by what was typed: a mention, @name, full id, e-mail, or an unambiguous name.

Whoever a message goes to must be certain (V5). So without a colon only a mention, an address, an @name or a whole name
may be followed by other words, and where these might belong to the name, the bot asks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice

from bridge.firm.model import Firm, Staff
from bridge.firm.names import Called, by_email, by_mailbox, called, called_here, plain
from bridge.mapping.marks import ANY, EMAIL, MARK, MARKED, ROOM_MARK, as_typed, before_marks, first_target, has_unplaced
from bridge.mapping.near import closest
from bridge.refusal import CommandError
from bridge.wording.markdown import code, escape, repeated

_BETWEEN = re.compile(r"\s*+(?:,|;|&|and\b)?\s*+", re.IGNORECASE)
_ITEM = re.compile(rf"({MARK}|(?<!\S)@[^\s,;&{ANY}]++|(?<!\S){EMAIL})|[,;&]|(?<!\S)and(?!\S)", re.IGNORECASE)
"""What is a person by itself, and what stands between names."""
_WITH = re.compile(r"\Awith\s++", re.IGNORECASE)
"""What people say before names."""
_LINE = re.compile(r"(?:\A|\n)\s*+(?:(?:[-*•–]|\d++[.)])\s++)?")
"""Where a line begins, with the sign of a list's entry."""
_COLON = re.compile(rf"{MARK}|@[^\s,:@{ANY}]++:[^\s,:{ANY}]++|(:)")
"""A colon that is in no mention and no id."""
_POLITE = {"please", "thanks", "thank you", "now"}
_WORD = re.compile(r"\S++")
_WORDS_OF_NAME = 8
_SUGGESTED = 3
"""Unknown names of a list for which a known one is suggested."""
_SLIP = 0.8
"""How alike a name must be to a known one to be taken for a slip rather than for a name with more words behind it."""
_AROUND_ACCOUNT = re.compile(r"\A[\W_]++|(?<![\W_])[\W_]++\Z")
"""What people type beside an @name: "@wei-" is whoever "@wei" is, and nobody else of that name."""
_BEHIND = ".;!?:"
"""What may stand behind somebody's address without being of it."""
_ADDRESS = re.compile(r"<([^<>\s,;@]++@[^<>\s,;@]++)>")
"""How programs for mail write an address behind a name."""
_HERE = re.compile(
    r"(?<=\s)(?:to|into|from|in)\s++(?:here|this(?:\s++(?:channel|conversation|chat|room|one))?+)[\s.!]*+\Z",
    re.IGNORECASE,
)
_ELSEWHERE = re.compile(r"(?:\A|(?<=\s))(?:to|into|onto|from|out\s++of)(?:\s++\S.*+|\Z)", re.IGNORECASE | re.DOTALL)
"""Where people say into which conversation somebody is to come, or out of which."""


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
        """The person behind a mention, @name, full id or e-mail address. Raises CommandError with a suggestion."""
        return _working(self.anybody(word))

    def anybody(self, word: str) -> Staff:
        """The same, leavers included."""
        return self._marked(word, suggest=True)

    def named(self, name: str) -> Staff:
        """The person with this full name, or the only active one with this first or last name. Raises CommandError."""
        return self._named(name, suggest=True)

    def names_somebody(self, name: str) -> bool:
        """Whether the name, @name or address is somebody's, whoever that is."""
        return bool(MARKED.fullmatch(name) or self._named_so(name))

    def find(self, text: str) -> tuple[tuple[Staff, ...], str]:
        """The people at the start of the text, and the rest of it as it is.

        A colon ends the names where names stand before it. Behind a mention, @name or address only more of that kind
        are people, so that a message which begins with a colleague's name is not taken for a recipient. Raises
        CommandError for a name nobody has, and where it is not certain who is meant.
        """
        _require_placed(text)
        text = _WITH.sub("", text)
        people, at = self._leading_marked(text)
        if people:
            listed = _BETWEEN.match(text, at)
            if listed is None or not listed[0].strip():
                return people, text[at:].lstrip(" ,:;\n")
            if (more := self._all_named(text[listed.end() :])) is not None:
                return (*people, *more[0]), more[1]
            if self._everybody.part(_first_word(text[listed.end() :])):
                raise _unsure(text[listed.end() :])
            return people, text[at:].lstrip(" ,:;\n")
        if not text.strip():
            return (), text
        return self._all_named(text) or self._leading_name(text)

    def find_each(self, text: str) -> tuple[tuple[Staff | Unfound, ...], str]:
        """The people that a text consists of, and those of its words that name nobody.

        Raises CommandError where these words say another conversation: nobody is to come into a wrong one.
        """
        _require_placed(text)
        if (room := ROOM_MARK.search(text)) is not None:
            raise _elsewhere(room[0])
        found: list[Staff | Unfound] = []
        unfound = 0
        for name in dict.fromkeys(_listed(_LINE.sub(", ", _ADDRESS.sub(r", \1 ", _HERE.sub("", text))))):
            try:
                found.append(self._named(name, suggest=unfound < _SUGGESTED))
            except CommandError as error:
                if (elsewhere := _ELSEWHERE.search(name)) is not None:
                    raise _elsewhere(elsewhere[0]) from error
                if plain(name.rstrip(_BEHIND)) in _POLITE:
                    continue
                unfound += 1
                found.append(Unfound(name, str(error)))
        return tuple(dict.fromkeys(found)), ""

    # Who there is
    @cached_property
    def _owners(self) -> Mapping[str, Staff]:
        staff = self.firm.staff
        return {local: staff[staff_id] for local, staff_id in self.localparts.items() if staff_id in staff}

    @cached_property
    def _handles(self) -> Mapping[str, str]:
        return {staff_id: f"@{local}" for local, staff_id in self.localparts.items()}

    def _owner(self, localpart: str) -> Staff | None:
        return self.firm.staff.get(self.localparts.get(localpart, ""))

    @property
    def _by_mailbox(self) -> Mapping[str, Sequence[Staff]]:
        return self.firm.found_in_staff(by_mailbox)

    @cached_property
    def _called(self) -> Called:
        return self.firm.found_in_staff(called_here)

    @cached_property
    def _everybody(self) -> Called:
        return self.firm.found_in_staff(called)

    def _whole(self, name: str) -> Sequence[Staff]:
        """Those with this whole name: who works here, else leavers, whose name nobody else answers to."""
        return self._called.whole(name) or self._everybody.whole(name)

    # One of them
    def _marked(self, word: str, *, suggest: bool) -> Staff:
        target = first_target(word)
        address = (word if target is None else target[0]).casefold()
        if address and (with_email := self.firm.found_in_staff(by_email).get(address)):
            return with_email[-1]
        localpart, _, server = address.removeprefix("@").partition(":")
        if server and server != self.server_name.casefold():
            raise CommandError(f"{repeated(word)} is not at this firm.")
        if localpart == self.bot_localpart:
            raise CommandError("That is me. Name a colleague instead.")
        if (owner := self._owner(localpart)) is not None:
            return owner
        if address.startswith("@") and not server and (found := self._loosely(localpart)):
            return self._one(found, word)
        raise _unknown(word, localpart, self._owners if suggest else {})

    def _loosely(self, localpart: str) -> Sequence[Staff]:
        """Whom an @name means that is no account's: by a newer e-mail address, or by the name."""
        if (owner := self._owner(_AROUND_ACCOUNT.sub("", localpart))) is not None:
            return [owner]
        name = re.sub(r"[._-]+", " ", localpart)
        return self._by_mailbox.get(localpart) or self._whole(name) or self._called.part(name)

    def _named(self, name: str, *, suggest: bool) -> Staff:
        if MARKED.fullmatch(name) is not None:
            return _working(self._marked(name.rstrip(_BEHIND), suggest=suggest))
        if found := self._named_so(name):
            return self._only(found, name.rstrip(_BEHIND))
        raise _unknown(name, plain(name), self._called.names() if suggest else {})

    def _named_so(self, name: str) -> Sequence[Staff]:
        """Those of this name, which may end a sentence."""
        ends = (name, name.rstrip(_BEHIND))
        return next((found for one in ends if (found := self._whole(one) or self._called.part(one))), ())

    def _only(self, found: Sequence[Staff], typed: str) -> Staff:
        return _working(self._one(found, typed))

    def _one(self, found: Sequence[Staff], typed: str) -> Staff:
        if len(found) > 1:
            told = [f"{one.name} ({', '.join(filter(None, (self.handle(one), one.role)))})" for one in found]
            raise CommandError(f"There is more than one {repeated(typed)}: {escape(_either(told))}. Use the @name.")
        return found[0]

    def handle(self, person: Staff) -> str:
        """How somebody is told from others of the same name."""
        return self._handles.get(person.id, person.email)

    # The beginning of a text
    def _leading_marked(self, text: str) -> tuple[tuple[Staff, ...], int]:
        """The people given by mention, @name or address, and where they end."""
        found: list[Staff] = []
        at = following = _past_separator(text, 0)
        while (word := MARKED.match(text, following)) is not None:
            person, used = self._one_marked(word[0].rstrip(_BEHIND), text[word.end() :])
            found.append(person)
            at = word.end() + used
            following = _past_separator(text, at)
        return tuple(found), at

    def _one_marked(self, word: str, rest: str) -> tuple[Staff, int]:
        """Who is meant by a mention, @name or address, and how much of what is behind it is of the name."""
        localpart = word[1:].casefold()
        if not word.startswith("@") or ":" in word or not rest[:1].isspace():
            return self.marked(word), 0
        owner = self._owner(localpart)
        for end in reversed(_ends_of_words(rest, 3)):
            if whole := self._whole(f"{localpart} {rest[:end]}".rstrip(_BEHIND + ",")):
                if owner is not None and owner not in whole:
                    raise _unsure(word + rest[:end])
                return self._only(whole, word + rest[:end]), end
        person = self.marked(word)
        if owner is None and localpart not in self._by_mailbox:
            following = _first_word(rest)
            capitals = word[1].isupper() and following[:1].isupper()
            if capitals or self._everybody.part(following.rstrip(_BEHIND + ",")):
                raise _unsure(word + rest)
        return person, 0

    def _all_named(self, text: str) -> tuple[tuple[Staff, ...], str] | None:
        """The people before the colon, or whom the whole text lists; None where not all of that are names."""
        end = next((found.start() for found in _COLON.finditer(text) if found[1]), len(text))
        names = _listed(text[:end])
        if not all(map(self.names_somebody, names)):
            return None
        return tuple(self.named(name) for name in names), text[end + 1 :].strip()

    def _leading_name(self, text: str) -> tuple[tuple[Staff, ...], str]:
        """One person whose whole name the text begins with, the rest being the message. Raises CommandError."""
        ends = _ends_of_words(text, _WORDS_OF_NAME)
        whole = [(end, found) for end in ends[1:] if (found := self._whole(text[:end]))]
        if not whole or _BETWEEN.match(text, whole[-1][0])[0].strip():  # type: ignore[index] # it matches anything
            raise self._nobody(text)
        end, found = whole[-1]
        person, rest = self._only(found, text[:end]), text[end:].strip()
        following = _first_word(rest)
        title = following.endswith(":") and following.istitle()
        if len(whole) > 1 or title or MARKED.match(rest) or self._everybody.part(following.rstrip(_BEHIND + ",")):
            raise _unsure(text)
        return (person,), rest

    def _nobody(self, text: str) -> CommandError:
        """What to say of a text that does not begin with names, or with names that are not all known."""
        names = _listed(text.partition(":")[0]) or _listed(text)
        unknown = next((name for name in names if not self.names_somebody(name)), text)
        begins = self._everybody.part(_first_word(unknown).rstrip(_BEHIND))
        slip = closest(plain(unknown), self._called.names(), _SLIP)
        before = names[: names.index(unknown)] if unknown in names else []
        if begins and not unknown.istitle() and not slip:
            return _unsure(unknown, [*before, _first_word(unknown)])
        if before and ":" not in text and not slip:
            return _unsure(unknown, before)
        return _unknown(unknown, plain(unknown), self._called.names())


def _working(person: Staff) -> Staff:
    if not person.active:
        raise CommandError(f"{escape(person.name)} has left the firm.")
    return person


def _listed(text: str) -> list[str]:
    """The names in a list: what stands between commas and the like, each mention and address by itself."""
    names: list[str] = []
    at = 0
    for found in _ITEM.finditer(text):
        names += [text[at : found.start()], found[1] or ""]
        at = found.end()
    plain_names = (" ".join(name.split()).strip("\"'“”„") for name in [*names, text[at:]])
    return [name for name in plain_names if name]


def _ends_of_words(text: str, most: int) -> list[int]:
    """Where the first words of a text end, before the first mention."""
    return [word.end() for word in islice(_WORD.finditer(before_marks(text)), most)]


def _first_word(text: str) -> str:
    found = _WORD.search(before_marks(text))
    return found[0] if found else ""


def _past_separator(text: str, at: int) -> int:
    """The place behind a comma, an "and" or blanks, if any of these stands there."""
    gap = _BETWEEN.match(text, at)
    return at if gap is None else gap.end()


def _require_placed(text: str) -> None:
    if has_unplaced(text):
        raise CommandError(
            "Your message mentions somebody, and I cannot tell where. I did nothing. Type their @name instead."
        )


def _unsure(text: str, names: Sequence[str] = ()) -> CommandError:
    """What to say where it is not certain who is meant, or where the names end, which may be these."""
    first = as_typed(", ".join(names) or text.split(maxsplit=1)[0]).rstrip(_BEHIND)
    return CommandError(
        f"I am not sure whom you mean by “{repeated(text)}”, so I did nothing. Put a colon behind the name"
        f" ({code(f'{first}: …')}), or use a mention or the @name."
    )


def _elsewhere(text: str) -> CommandError:
    return CommandError(
        f"Do you mean another conversation by “{repeated(text)}”? I did nothing: this is about the one in which it is"
        " typed. Type it there. For a channel there are also `!channel add NAME @person` and"
        " `!channel remove NAME @person`, from anywhere."
    )


def _unknown(typed: str, wanted: str, known: Mapping[str, Staff]) -> CommandError:
    shown = repeated(typed)
    near = closest(wanted, known)
    if not near:
        return CommandError(f"I know nobody called {shown}. Use a mention, an e-mail address or the full name.")
    return CommandError(f"I know nobody called {shown}. Did you mean {escape(known[near].name)}?")


def _either(choices: list[str]) -> str:
    return choices[0] if len(choices) == 1 else f"{', '.join(choices[:-1])} or {choices[-1]}"
