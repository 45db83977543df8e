"""What a person may hear of: being an admin gives no access, and a wall holds for admins, too (M3, D4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

from bridge.firm.conversation import SHARED, Conversation, ConversationKind
from bridge.firm.explain import Written
from bridge.firm.matters.search import names_by_first_word, words_in
from bridge.firm.model import Firm, Matter, MatterStatus, Wall
from bridge.firm.policy import accessible, may_access
from bridge.firm.walls import may_know


@dataclass(frozen=True)
class Sight:
    """One person's view of the firm."""

    firm: Firm
    staff_id: str
    today: date
    written: Written = str
    """How this person's firm writes a day."""

    def matter(self, matter: Matter) -> bool:
        """Whether the matter may be named to this person."""
        return bool(may_access(self.firm, self.staff_id, matter, self.today))

    def matter_by_id(self, matter_id: str) -> bool:
        """The same by its id; one that is not in the directory may not be named."""
        matter = self.firm.matters.get(matter_id)
        return matter is not None and self.matter(matter)

    def conversation(self, conversation: Conversation) -> bool:
        """Whether the conversation may be named: a direct one only to those whose it is (D4)."""
        match conversation.kind:
            case ConversationKind.MATTER:
                return self.matter_by_id(conversation.matter_id)
            case ConversationKind.CHANNEL:
                return True
            case _:
                return self.staff_id in conversation.participants

    def counts(self, conversation: Conversation) -> bool:
        """Whether the conversation of somebody else may be counted: direct ones are, and are not named (D4)."""
        return conversation.kind is ConversationKind.DIRECT or (
            conversation.kind in SHARED and self.conversation(conversation)
        )

    def wall(self, wall: Wall) -> bool:
        """Whether the wall may be named to this person."""
        return may_know(self.firm, wall, self.staff_id, self.today)

    @cached_property
    def walls(self) -> Sequence[Wall]:
        """The walls that may be named to this person, those set by command behind those of the directory."""
        return [wall for wall in self.firm.walls.values() if self.wall(wall)]

    @cached_property
    def matters(self) -> Sequence[Matter]:
        """The matters that may be named to this person, as people list them."""
        return accessible(self.firm, self.staff_id, self.firm.listed, self.today)

    @cached_property
    def hidden(self) -> Mapping[str, Matter]:
        """The matters that this person must not hear of, by id. One that is deleted counts as it was before."""
        seen = {matter.id for matter in self.matters}
        return {
            matter.id: matter
            for matter in self.firm.matters.values()
            if matter.id not in seen
            and not (matter.status is MatterStatus.DELETED and self.matter(replace(matter, status=MatterStatus.OPEN)))
        }

    @cached_property
    def _hidden_names(self) -> Mapping[str, frozenset[str]]:
        """What hidden matters are called, by the first word, so that a text is looked through once, however many."""
        found: dict[str, set[str]] = {}
        names = self.firm.found_in_matter(names_by_first_word)
        for matter_id in self.hidden:
            for first, name in names[matter_id]:
                found.setdefault(first, set()).add(name)
        return {first: frozenset(names) for first, names in found.items()}

    def names_hidden(self, text: str) -> bool:
        """Whether a text has the number, title or client of a matter that this person must not hear of."""
        folded = text.casefold()
        words = {"", *words_in(folded)}
        return any(name in folded for word in words for name in self._hidden_names.get(word, ()))
