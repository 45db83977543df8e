"""What the guard lets through: pure decisions about one event, each refusal with the rule behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.facts import Facts
from bridge.firm.files.carried import ENCRYPTED
from bridge.firm.policy import Decision, may_act, may_be_in, may_be_in_space
from bridge.firm.room_keys import CHECK, CHILD, MARKER, SPACE, matter_space_key
from bridge.firm.room_rules import LEVELS, WIDGETS, may_give_power, may_have
from bridge.firm.rules import CitedRule

MEMBER = "m.room.member"
TOMBSTONE = "m.room.tombstone"
REDACTION = "m.room.redaction"
BY_THE_BOT_ALONE = frozenset(
    {
        "m.room.create",
        "m.room.power_levels",
        "m.room.join_rules",
        "m.room.history_visibility",
        "m.room.guest_access",
        "m.room.server_acl",
        TOMBSTONE,
        CHILD,
        MARKER,
        *WIDGETS,
    }
)
"""State that decides who may be in a room or what they see of it."""
BY_NOBODY = frozenset({"m.room.encryption", ENCRYPTED, "m.room.third_party_invite"})
GATED = frozenset({MEMBER, *BY_THE_BOT_ALONE, *BY_NOBODY})
"""The types of state that are looked at. Everything else, ordinary messages above all, passes where one may write."""

NOT_INVITED = "You are not invited to this room."
"""Synapse's own words to those whom a room's rule keeps out, so that nobody learns of more behind it (M3)."""
NOT_ADDED = "This person cannot be in this conversation."
NOT_ADDED_TO_DIRECT = "The people in a direct conversation stay the same. Type !add @person there to open a larger one."
NOT_TAKEN_OUT = "Nobody is taken out of this conversation."
NO_KNOCKING = "Nobody can ask to join here. Join the channel, or let somebody who is in the conversation add you."
BOT_ONLY = "Only the firm's bot changes this. Write !help to it."
NEVER = "The firm's rooms do not have this."
OTHER_RULES = "The firm's rooms have other rules than these, whoever sets them."
UNDER_HOLD = "This matter is under legal hold, so nothing in its conversations can be deleted."
READ_ONLY = "This conversation is closed: it can be read, and nothing is written in it any more."
NO_POLICY = "The firm's server does not know who may be where at the moment. Try again later."


@dataclass(frozen=True, slots=True)
class Change:
    """A state event that is about to be made, as far as it is looked at."""

    event_type: str
    sender: str
    state_key: str
    membership: str = ""
    """What a membership is to become."""
    before: str = ""
    """What it is; empty for somebody who was never in the room."""
    content: Mapping[str, Any] = field(default_factory=dict)
    earlier: Mapping[str, Any] = field(default_factory=dict)
    """The content that this one replaces."""
    spaces: frozenset[str] = frozenset()
    """The keys of the firm's spaces that a join rule names; empty ones for rooms that are none."""
    creator_power: bool = False
    """Whether whoever made the room has power without being named (room versions from 12 on)."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What a room is to the firm, by the marker that the bot put into it."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Denial:
    """Why an event is not made."""

    rule: CitedRule
    """For the log."""
    sentence: str
    """What the person is told. It is the same whatever keeps somebody out (M3)."""
    word: str = ""
    """Which of several sentences it is, for the log and for telling it once more."""


@dataclass(frozen=True, slots=True)
class Gate:
    """Who is who on this homeserver."""

    bot: str
    """The bot's Matrix id."""
    checker: str = ""
    """The account as which `firm-bridge check` tries what is refused; empty for none."""

    def refusal(self, change: Change, mark: Mark | None, facts: Facts | None, today: date) -> Denial | None:
        """Why the event is refused; None where it may be made.

        `mark` is the room's, None for a room that the bot did not mark. Without `facts` nobody comes in. `today` is the
        firm's day, by which walls begin and end.
        """
        if change.event_type in BY_NOBODY:
            return Denial("F1", NEVER)
        if change.event_type != MEMBER:
            return self._rule_refusal(change, mark, facts)
        if change.membership in {"leave", "ban"}:
            return self._exit_refusal(change, mark)
        if change.membership not in {"join", "invite"}:
            return Denial("M3", NO_KNOCKING)
        stays = change.before == change.membership == "join" and change.sender == change.state_key
        if stays or (change.state_key == self.bot and (change.membership == "join" or change.sender == self.bot)):
            return None
        return self._entry_refusal(change, mark, facts, today)

    def is_listed(self, change: Change) -> bool:
        """Whether a client lists a room in a space, as it does behind each that it made there, and the bot has already.

        What would list it in another way, or not any more, is another matter.
        """
        if change.event_type != CHILD or not change.earlier.get("via") or not change.content.get("via"):
            return False
        return not any(value for name, value in change.content.items() if name != "via")

    def _rule_refusal(self, change: Change, mark: Mark | None, facts: Facts | None) -> Denial | None:
        """Why a rule of a room is not changed: by nobody but the bot, and by it to nothing that no shape has (O3)."""
        if change.sender != self.bot:
            return Denial("O3", BOT_ONLY)
        trying = mark is None or mark.kind == CHECK
        kind = "" if mark is None or mark.kind == CHECK else mark.kind
        powers = change.event_type != LEVELS or may_give_power(
            change.content,
            change.earlier,
            self.bot,
            bot_named=not change.creator_power,
            also=self.checker if trying else "",
        )
        had = may_have(change.event_type, change.content, kind, change.spaces)
        if kind == ConversationKind.MATTER and change.spaces:
            had = had and change.spaces == _own_space(mark, facts)
        return None if powers and had else Denial("O3", OTHER_RULES)

    def refusal_to_write(
        self, sender: str, mark: Mark | None, facts: Facts | None, *, replaced: bool = False
    ) -> Denial | None:
        """Why nobody writes, reacts, deletes or pins in a room; None where they may (C1, M3, M4).

        It is asked for each message, so it is one look-up. `replaced` is a room whose conversation goes on in another.
        """
        if mark is None or sender == self.bot:
            return None
        if replaced:
            return Denial("M3", READ_ONLY)
        if facts is None or mark.key not in facts.read_only:
            return None
        return Denial("M4" if mark.kind == ConversationKind.MATTER else "C1", READ_ONLY)

    def refusal_to_delete(self, mark: Mark | None, facts: Facts | None) -> Denial | None:
        """Why nobody deletes in a room, the bot and server admins included; None where it is not under legal hold."""
        held = facts is not None and mark is not None and mark.key in facts.held
        return Denial("hold", UNDER_HOLD) if held else None

    def _exit_refusal(self, change: Change, mark: Mark | None) -> Denial | None:
        """Why somebody is not taken out. Leaving by oneself is never refused, and the bot takes out whoever must go."""
        if not change.before:
            # It would open the history to somebody who never was in the room.
            return Denial("M3", NOT_ADDED)
        by_itself = change.sender in {self.bot, change.state_key} or mark is None or mark.kind in {CHECK, *SHARED}
        return None if by_itself else Denial("V1", NOT_TAKEN_OUT)

    def _entry_refusal(self, change: Change, mark: Mark | None, facts: Facts | None, today: date) -> Denial | None:
        sentence = NOT_ADDED
        if change.sender == change.state_key:
            sentence = NOT_INVITED
        elif mark is not None and mark.kind == ConversationKind.DIRECT:
            sentence = NOT_ADDED_TO_DIRECT
        if mark is None:
            return Denial("F1", sentence)
        if mark.kind == CHECK:
            return None if change.state_key == self.checker else Denial("F1", sentence)
        if facts is None:
            return Denial("F1", NO_POLICY)
        decision = self.may_be_in(change.state_key, mark, facts, today)
        return None if decision else Denial(decision.rule, sentence)

    def may_be_deactivated(self, user_id: str, facts: Facts | None, *, told: bool) -> bool:
        """Whether an account may be closed: never the bot's nor that of active staff, whoever asks (F2).

        A leaver's is closed by the bridge alone, which has just told so (`told`): anybody else could close it with the
        wish that what they wrote be hidden. An account that is nobody's is left alone. While there are no `facts` to
        know staff by, none is closed.
        """
        if user_id == self.bot or facts is None:
            return False
        standing = self._standing(user_id, facts)
        return standing is None or (told and not standing)

    def is_cut_off(self, user_id: str, facts: Facts | None) -> bool:
        """Whether an account is that of somebody who left or is disabled: it opens nothing, whoever unlocks it (F2).

        An account that is nobody's is left alone.
        """
        standing = self._standing(user_id, facts)
        return standing is not None and not standing

    def may_be_shut_down(self, requester: str, mark: Mark | None) -> bool:
        """Whether a room may be shut down: one of the firm's by nobody, one of the check's by the bot (O3)."""
        return mark is None or (mark.kind == CHECK and requester == self.bot)

    def _standing(self, user_id: str, facts: Facts | None) -> Decision | None:
        """Whether this is the account of active staff; None for one that is nobody's as far as is known."""
        staff_id = self.staff_id(user_id, facts) if facts else None
        return may_act(facts.firm, staff_id) if facts is not None and staff_id is not None else None

    def staff_id(self, user_id: str, facts: Facts) -> str | None:
        """The staff id behind a Matrix id; None for an account that the firm does not know."""
        localpart, _, server = user_id.removeprefix("@").partition(":")
        return facts.accounts.get(localpart) if server == self.bot.partition(":")[2] else None

    def may_be_in(self, user_id: str, mark: Mark, facts: Facts, today: date) -> Decision:
        """Whether the policy lets somebody be in a room of the firm."""
        staff_id = self.staff_id(user_id, facts)
        if staff_id is None:
            return Decision(False, "F1", "This is no account of the firm's staff.")
        if mark.kind == SPACE:
            return may_be_in_space(facts.firm, staff_id, mark.key, today)
        conversation = facts.conversations.get(mark.key)
        if conversation is None or conversation.kind.value != mark.kind:
            return Decision(False, "F1", "The firm has no such conversation.")
        return may_be_in(facts.firm, staff_id, conversation, today)


def _own_space(mark: Mark | None, facts: Facts | None) -> frozenset[str]:
    """The key of the space of a conversation's matter; none where that is not known."""
    known = facts.conversations.get(mark.key) if facts is not None and mark is not None else None
    return frozenset() if known is None or not known.matter_id else frozenset({matter_space_key(known.matter_id)})
