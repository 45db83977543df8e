"""What the bridge promises a firm, each promise under a number that code, tests and pages name.

docs/rules.md is made from here, with what proves each. A number once used keeps its meaning.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

# fmt: off
RuleId = Literal[
    "F1", "F2", "F3", "F4",
    "D1", "D2", "D3", "D4",
    "M1", "M2", "M3", "M4",
    "C1", "C2", "C3", "C4",
    "V1", "V2", "V3", "V4", "V5",
    "O1", "O2", "O3",
    "R1", "R2", "R3",
    "P1", "P2", "P3", "P4", "P5",
    "A1", "A2", "A3",
    "S1", "S2", "S3",
]
# fmt: on
FileRule = Literal["V4 encryption", "V4 name", "V4 type", "V4 double extension", "V4 size", "V4 content"]
"""Which of a firm's rules for files it was (V4)."""
CitedRule = RuleId | FileRule | Literal["hold"]
"""What a decision names as its ground; `hold` is the legal hold on a matter, under which nothing is deleted."""


class Proof(StrEnum):
    """A kind of test, by where it is."""

    UNIT = "unit"
    """Of a pure function: tests/unit/."""
    COMPONENT = "component"
    """Of the bridge on a homeserver that is simulated: tests/component/."""
    SYNAPSE = "synapse"
    """Of the bridge on the real Synapse: tests/synapse/."""
    ATTACK = "attack"
    """Of what somebody tries against it on the real Synapse: tests/synapse/attacks/."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One promise."""

    subject: str
    """What the rules of its letter are about."""
    sentence: str
    needs: frozenset[Proof]
    """The kinds of test without which it counts as unproven."""


_U, _C, _S, _A = Proof
_FIRM = "The firm"
_DIRECT = "Direct conversations"
_MATTERS = "Matter conversations"
_CHANNELS = "Channels"
_EVERY = "Every conversation"
_OVERSIGHT = "Oversight"
_PANEL = "The panel"
_SOURCES = "Sources of the directory"
_API = "The API"
_PROCESSES = "Processes"


def _rule(subject: str, sentence: str, *needs: Proof) -> Rule:
    return Rule(subject, sentence, frozenset(needs))


RULES: Mapping[RuleId, Rule] = {
    "F1": _rule(
        _FIRM,
        "In the firm's rooms are active staff and the bot, and nobody else: no guest, no other server, no former"
        " colleague, no account that the directory does not know.",
        *(_U, _C, _S, _A),
    ),
    "F2": _rule(
        _FIRM,
        "Whoever leaves the firm is cut off at once: sessions ended, account locked, out of every room, refused"
        " everywhere. What they wrote stays. Whoever comes back gets their access again, and no room by itself.",
        *(_U, _C, _S, _A),
    ),
    "F3": _rule(
        _FIRM,
        "Names are the directory's, and nobody can go under another, not even in a single room.",
        *(_C, _S, _A),
    ),
    "F4": _rule(
        _FIRM,
        "The firm's rooms are found in one place, the staff space with its channels. A matter shows to nobody"
        " without access: in no list, search, space or error.",
        *(_C, _S, _A),
    ),
    "D1": _rule(
        _DIRECT,
        "A direct conversation is of one to many people, and the same people always get the same one, whoever asks.",
        *(_U, _C, _S),
    ),
    "D2": _rule(
        _DIRECT,
        "Adding somebody makes another conversation of the larger set; the one there was stays as it is.",
        *(_U, _C, _S, _A),
    ),
    "D3": _rule(
        _DIRECT,
        "Clients show it as a direct message to everybody in it, whatever else they list as one is kept, and the bot"
        " is no member of it.",
        *(_U, _C, _S, _A),
    ),
    "D4": _rule(
        _DIRECT,
        "Nobody else reads it, firm admins included, and it cannot be archived.",
        *(_C, _A),
    ),
    "M1": _rule(
        _MATTERS,
        "A matter has any number of conversations, each a private room with a title and with participants picked"
        " from those who have access.",
        *(_U, _C, _S, _A),
    ),
    "M2": _rule(
        _MATTERS,
        "Whoever has access sees the list of a matter's conversations and can join any of them; anybody can leave,"
        " and whoever starts one is in it.",
        *(_C, _S),
    ),
    "M3": _rule(
        _MATTERS,
        "Whoever loses access, by a wall, a restriction or leaving, is out of all the matter's conversations at once"
        " and is kept out, whoever invites. Nothing shows them that the matter exists, and no membership of any kind"
        " is ever written for somebody who must not read.",
        *(_U, _C, _S, _A),
    ),
    "M4": _rule(
        _MATTERS,
        "Closing a matter makes its conversations read-only and says so there; opening it again brings them back."
        " A change of number, client or title renames the rooms.",
        *(_U, _C, _S, _A),
    ),
    "C1": _rule(
        _CHANNELS,
        "Anybody of the staff makes a channel under a name of its own, joins, leaves and renames it, adds and removes"
        " people, browses and searches all channels, archives one and brings it back. An archived channel is"
        " read-only, is still found, and keeps its name.",
        *(_U, _C, _S, _A),
    ),
    "C2": _rule(
        _CHANNELS,
        "A new message shows as unread to everybody in the channel, whatever their client does by default, but to"
        " those who muted it themselves.",
        *(_C, _S),
    ),
    "C3": _rule(
        _CHANNELS,
        "The recent channels are the ten with the newest messages, as messages come.",
        _C,
    ),
    "C4": _rule(
        _CHANNELS,
        "One channel of the whole firm is there from the start with everybody in it, and nobody is taken out of it"
        " while they work here.",
        *(_C, _A),
    ),
    "V1": _rule(
        _EVERY,
        "Who is in it is changed in any client's own way (invite, remove, leave, rename) or by command, and both end"
        " in the same.",
        *(_C, _S),
    ),
    "V2": _rule(
        _EVERY,
        "Participants pin and unpin messages, a hundred at most, in their client or by command. A deleted message is"
        " unpinned. The list shows the text, its author, who pinned it and when, with a link to the message.",
        *(_U, _C, _S),
    ),
    "V3": _rule(
        _EVERY,
        "Every file is listed with its name, type, size, sender, date, caption and a link to its message, and is found"
        " by name, type, person and date. The same name again is a new version; a deleted file leaves the list.",
        *(_U, _C, _S, _A),
    ),
    "V4": _rule(
        _EVERY,
        "The firm says which files may be sent, by size, type and name. A forbidden one is refused or taken away with"
        " a message that says why, and is noted.",
        *(_U, _C, _S, _A),
    ),
    "V5": _rule(
        _EVERY,
        "Nothing is ever said in somebody's name that they did not write.",
        *(_C, _A),
    ),
    "O1": _rule(
        _OVERSIGHT,
        "Every change of membership, access and policy, every refusal and every admin command is in the audit log: who,"
        " what, why and when. Entries are only ever added, and tampering shows.",
        *(_U, _C, _S, _A),
    ),
    "O2": _rule(
        _OVERSIGHT,
        "What the bridge would change can be seen before it does, and why somebody can or cannot see something can be"
        " asked about any person and any room.",
        *(_U, _C),
    ),
    "O3": _rule(
        _OVERSIGHT,
        "What somebody else changed about a room is put back and noted.",
        *(_U, _C, _S, _A),
    ),
    "R1": _rule(
        _PROCESSES,
        "The bridge runs as one process, or as several on PostgreSQL, on one machine or more, of which one is at work"
        " and the others take its place. Ending any of them at any moment, or stopping it and waking it later, loses"
        " and doubles nothing, and somebody waits no longer than the lease and a start.",
        _C,
    ),
    "R2": _rule(
        _PROCESSES,
        "The guard holds in every process of Synapse: all of them know what the bridge told before anything is begun"
        " that depends on it, and one that cannot know lets nobody in.",
        *(_U, _C, _S),
    ),
    "R3": _rule(
        _PROCESSES,
        "A backup of the bridge or of Synapse that is put back beside the other as it is now is noticed, told and made"
        " right, and meanwhile nobody reads what they must not.",
        *(_C, _S),
    ),
    "P1": _rule(
        _PANEL,
        "The panel has direct messages, matter conversations under their matter, the ten most recent channels, a plus"
        " at each that opens a list of staff to tick, and one search; in a conversation its files, pinned messages and"
        " participants, and what the conversation is, to rename, archive, restore, join and leave.",
        _C,
    ),
    "P2": _rule(
        _PANEL,
        "It shows a person exactly what the bot would tell them at that moment, and does exactly what the commands do."
        " What somebody may not see is not in the page, its data, its counts, its timing or its errors.",
        _C,
    ),
    "P3": _rule(_PANEL, "It changes by itself as things change.", _C),
    "P4": _rule(
        _PANEL,
        "Who somebody is, is proven by a link that the bot gave them, or by the firm's single sign-on; nobody types a"
        " Matrix password into it. A leaver's session ends with the rest (F2).",
        _C,
    ),
    "P5": _rule(
        _PANEL,
        "What was said can be searched, by the homeserver's own search, as that person; and it is told who has read up"
        " to a message, and when, as their clients tell everybody there. Both only inside what the person is in.",
        *(_C, _S),
    ),
    "A1": _rule(
        _API,
        "What staff and admins do by command, a system does by the API under a token with scopes, as the person it"
        " names; each change, and the first look in an hour, is in the audit log; sight and policy decide as for"
        " commands.",
        *(_C, _A),
    ),
    "A2": _rule(
        _API,
        "A request repeated with the same idempotency key happens once. Errors say what, which and what next, in the"
        " standard form. The description (OpenAPI) is made from the code.",
        _C,
    ),
    "A3": _rule(
        _API,
        "Systems can be told: webhooks, signed, at least once, in order for one conversation, as far as whoever they"
        " are for may hear of it, never with what was said unless the scope says so.",
        *(_U, _C, _S, _A),
    ),
    "S1": _rule(
        _SOURCES,
        "The directory is the union of its sources, checked as a whole and merged by declared ownership. One that"
        " cannot be read, or says what cannot be, leaves the firm as it was, and it is told which and why.",
        *(_U, _C),
    ),
    "S2": _rule(
        _SOURCES,
        "A source's webhook only says where to look: what is so is read back from the source, and nothing is opened"
        " before it is known who must not see it.",
        _C,
    ),
    "S3": _rule(
        _SOURCES,
        "Who or what is gone from any source is a leaver or a lost access (F2, M3), held where it is unusually much,"
        " and never a forgotten person.",
        *(_U, _C),
    ),
}
