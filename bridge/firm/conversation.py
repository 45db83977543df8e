"""Conversations as the firm knows them, before any Matrix room exists."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from bridge.firm.errors import BridgeError
from bridge.firm.text.directions import UNTURNED

ADMINS_ID = "admins"
"""The id of the firm admins' room."""
CHANNEL_NAME_MAX = 80
"""Characters in a channel's name (C1)."""

_NO_LETTERS = UNTURNED | dict.fromkeys(map(ord, "\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}"))


class ConversationKind(StrEnum):
    """What people talk in: with each other, about a matter, or in a channel; everybody's chat with the bot; and the
    room of the firm admins, in which the bot tells what was changed behind its back."""

    DIRECT = "direct"
    MATTER = "matter"
    CHANNEL = "channel"
    BOT = "bot"
    ADMINS = "admins"


SHARED = frozenset({ConversationKind.CHANNEL, ConversationKind.MATTER})
"""Kinds of conversations whose participants change."""


@dataclass(frozen=True, slots=True)
class Conversation:
    """One conversation and the participants it should have, before the policy is asked."""

    id: str
    kind: ConversationKind
    title: str = ""
    topic: str = ""
    matter_id: str = ""
    everyone: bool = False
    """Whether every active staff member is in it (C4)."""
    archived: bool = False
    participants: frozenset[str] = frozenset()
    """Staff ids."""
    left: frozenset[str] = frozenset()
    """Staff ids of those who were picked and are not in it any more."""
    started_by: str = ""
    """Staff id; empty for what the directory started."""

    @property
    def opened_for(self) -> frozenset[str]:
        """Everybody whose direct conversation this is. Who leaves it has closed it for themselves, no more (D1)."""
        return self.participants | self.left


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel without its participants."""

    id: str
    title: str
    topic: str
    name_key: str
    everyone: bool
    archived: bool
    created_by: str
    """Staff id; empty for what the directory started."""
    created_at: int
    caused_by: str
    archived_at: int | None
    archived_by: str
    """Staff id; empty for the bridge."""
    last_message_at: int | None
    room_id: str | None


@dataclass(frozen=True, slots=True)
class MatterConversation:
    """A conversation of a matter, and its room once that was made."""

    conversation: Conversation
    room_id: str | None
    earlier: tuple[str, ...] = ()
    """The ids of the rooms in which it was held before, oldest first."""


class ChannelNameError(BridgeError, ValueError):
    """A channel name that cannot be used."""


def channel_key(name: str) -> str:
    """What makes a channel name unique: NFKC, case folded, with runs of blanks, hyphens and underscores as one (C1).

    Joiners, which are no letters of their own, make no other name, nor does what keeps one apart in an answer.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).translate(_NO_LETTERS)
    return re.sub(r"[\s_-]+", "-", folded).strip("-")


def clean_channel_name(name: str) -> str:
    """The name as it is shown: trimmed, blanks collapsed. Raises ChannelNameError with what to change (C1)."""
    shown = " ".join(unicodedata.normalize("NFC", name).split()).removeprefix("#").strip()
    if not channel_key(shown):
        raise ChannelNameError("A channel needs a name, for example: Court Filings.")
    if len(shown) > CHANNEL_NAME_MAX:
        raise ChannelNameError(
            f"That name has {len(shown)} characters; a channel name has at most {CHANNEL_NAME_MAX}. Try a shorter one."
        )
    # Here, because the guard imports this module, and Synapse's environment has not the library.
    from bridge.firm.text.visible import says_something, unseen_in

    if unseen_in(shown) or not says_something(shown):
        raise ChannelNameError("That name has invisible characters. Type it again rather than pasting it.")
    return shown


def free_channel_name(name: str, taken: Collection[str]) -> str:
    """A name like this one that nobody has: with the first number that is free. `taken` are unique names."""
    number = 2
    while True:
        ending = f" {number}"
        found = name[: CHANNEL_NAME_MAX - len(ending)].rstrip() + ending
        if channel_key(found) not in taken:
            return found
        number += 1


def direct_id(staff_ids: Iterable[str]) -> str:
    """The identity of a direct conversation: its set of people, in any order (D1)."""
    listed = "\n".join(sorted(set(staff_ids)))
    return "direct-" + hashlib.sha256(listed.encode()).hexdigest()[:32]


def channel_id(key: str, again: int = 0) -> str:
    """The identity of a channel first made under this key (C1); `again` counts those made so that were renamed."""
    made_as = f"{key}\n{again}" if again else key
    return "channel-" + hashlib.sha256(made_as.encode()).hexdigest()[:32]


def free_channel_id(key: str, known: Collection[str]) -> str:
    """The identity of a new channel, beside those under the same name that were renamed since.

    An identity stays with its channel and its room for ever, so a name can be given again while its first owner lives
    on under another.
    """
    again = 0
    while (found := channel_id(key, again)) in known:
        again += 1
    return found


def first_matter_conversation_id(matter_id: str) -> str:
    """The identity of the conversation that a matter starts with."""
    return "matter-" + hashlib.sha256(matter_id.encode()).hexdigest()[:32]


@lru_cache(maxsize=4096)
def bot_chat_id(staff_id: str) -> str:
    """The identity of a staff member's direct chat with the bot."""
    return "bot-" + hashlib.sha256(staff_id.encode()).hexdigest()[:32]
