"""What the rules (docs/rules.md) say about who is where after anything people do. Pure, and written from them alone.

Every method is something people do or the directory says. What a rule forbids changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

EVERYONE = "Everyone"
FIRST = "General"


def name_key(name: str) -> str:
    """Names are the same without regard to case and spacing (C1)."""
    return " ".join(name.split()).casefold()


@dataclass
class Talk:
    """A channel or a matter's conversation."""

    title: str
    people: set[str]
    topic: str = ""
    archived: bool = False
    matter: str = ""


@dataclass
class Rules:
    """The firm as the rules want it."""

    active: set[str]
    walls: dict[str, set[str]]
    """By matter: those who must not see it."""
    channels: dict[str, Talk]
    """By name key; the channel of the whole firm is not among them."""
    matters: dict[tuple[str, str], Talk]
    """By matter and title key."""
    closed: set[str] = field(default_factory=set)
    directs: dict[frozenset[str], set[str]] = field(default_factory=dict)
    """By the set of people it is for: who of them is in it."""

    # Who may
    def has_access(self, who: str, matter: str) -> bool:
        """M1, M3: a wall beats everything; these matters are open to all others who are active."""
        return who in self.active and who not in self.walls[matter]

    def inside(self, talk: Talk) -> set[str]:
        """Who is in it now: those picked whom nothing keeps out (F2, M3)."""
        return {
            who for who in talk.people if who in self.active and (not talk.matter or self.has_access(who, talk.matter))
        }

    def read_only(self, talk: Talk) -> bool:
        """C1, M4."""
        return talk.archived or talk.matter in self.closed

    def _known(self, people: Iterable[str]) -> bool:
        """Whether all can be named: who has left the firm cannot (F1)."""
        return self.active.issuperset(people)

    # Direct conversations
    def dm(self, who: str, others: frozenset[str]) -> None:
        """D1: the set decides."""
        everybody = others | {who}
        if who in self.active and len(everybody) > 1 and self._known(others):
            self.directs[everybody] = set(everybody)

    def add_in_direct(self, who: str, here: frozenset[str], other: str) -> None:
        """D2: a new one with the larger set; the old one stays."""
        present = self.directs[here] & self.active
        if who in present and other in self.active - present:
            self.dm(who, frozenset(present | {other}))

    def leave_direct(self, who: str, here: frozenset[str]) -> None:
        """Anyone may leave."""
        self.directs[here].discard(who)

    # Channels
    def create(self, who: str, name: str, others: frozenset[str]) -> None:
        """C1: unless the name is taken, by an archived channel too."""
        if who in self.active and self._known(others) and name_key(name) not in {*self.channels, name_key(EVERYONE)}:
            self.channels[name_key(name)] = Talk(" ".join(name.split()), {who, *others})

    def rename(self, who: str, key: str, new: str) -> None:
        """C1: anybody renames a channel that is open to a name that is free."""
        talk = self.channels[key]
        taken = {*self.channels, name_key(EVERYONE)} - {key}
        if who in self.active and not talk.archived and name_key(new) not in taken:
            talk.title = " ".join(new.split())
            self.channels = {name_key(one.title): one for one in self.channels.values()}

    def set_topic(self, who: str, key: str, topic: str) -> None:
        """C1."""
        if who in self.active and not self.channels[key].archived:
            self.channels[key].topic = topic

    def set_archived(self, who: str, key: str, archived: bool) -> None:
        """C1: anybody archives and restores."""
        if who in self.active:
            self.channels[key].archived = archived

    # Who is in channels and matter conversations
    def join(self, who: str, talk: Talk) -> None:
        """C1, M2: whoever may see it."""
        if who in self.active and (not talk.matter or self.has_access(who, talk.matter)):
            talk.people.add(who)

    def leave(self, who: str, talk: Talk) -> None:
        """C1, M2."""
        if who in self.inside(talk):
            talk.people.discard(who)

    def add(self, who: str, talk: Talk, other: str) -> None:
        """C1, M1: by anybody in a channel, by participants in a matter conversation, among those with access."""
        if self._may_change(who, talk) and (
            self.has_access(other, talk.matter) if talk.matter else other in self.active
        ):
            talk.people.add(other)

    def remove(self, who: str, talk: Talk, other: str) -> None:
        """The same the other way round."""
        if self._may_change(who, talk) and other in self.active:
            talk.people.discard(other)

    def _may_change(self, who: str, talk: Talk) -> bool:
        return who in self.inside(talk) and not self.read_only(talk)

    # Matters
    def start(self, who: str, matter: str, title: str, others: frozenset[str]) -> None:
        """M1: with those among the named who have access."""
        key = matter, name_key(title)
        if (
            self.has_access(who, matter)
            and self._known(others)
            and matter not in self.closed
            and key not in self.matters
        ):
            people = {one for one in {who, *others} if self.has_access(one, matter)}
            self.matters[key] = Talk(title, people, matter=matter)

    def retitle(self, who: str, key: tuple[str, str], new: str) -> None:
        """By a participant, where it can be written in, to a title the matter does not have."""
        talk = self.matters[key]
        other = talk.matter, name_key(new)
        if self._may_change(who, talk) and (other == key or other not in self.matters):
            talk.title = new
            self.matters = {(one.matter, name_key(one.title)): one for one in self.matters.values()}

    # The directory
    def leaver(self, who: str) -> None:
        """F2: out of everything; coming back restores access, not membership."""
        self.active.discard(who)
        for talk in (*self.channels.values(), *self.matters.values()):
            talk.people.discard(who)
        for people in self.directs.values():
            people.discard(who)
