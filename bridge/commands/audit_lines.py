"""Entries of the audit log in plain words, one line each."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bridge.commands.asked_about import Everybody
from bridge.commands.moments import moment
from bridge.commands.replies import escape
from bridge.commands.sight import Sight, conversation_title
from bridge.commands.table import Call
from bridge.firm.audit import BY_GUARD, AuditEntry, Deed, Outcome, words_and_ids
from bridge.firm.conversation import Conversation
from bridge.firm.model import Firm, Matter, Wall
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_of_space
from bridge.mapping.names import matter_name
from bridge.store.questions import conversations_without_people, matters_talked_about
from bridge.store.walls import wall_records

_SAID: Mapping[Deed, str] = {
    Deed.CONVERSATION_STARTED: "started {subject}",
    Deed.PARTICIPANT_ADDED: "added {person} to {subject}",
    Deed.PARTICIPANT_REMOVED: "took {person} out of {subject}",
    Deed.PARTICIPANT_JOINED: "joined {subject}",
    Deed.PARTICIPANT_LEFT: "left {subject}",
    Deed.RENAMED: "renamed {subject}",
    Deed.TOPIC_SET: "set the topic of {subject}",
    Deed.ARCHIVED: "archived {subject}",
    Deed.RESTORED: "restored {subject}",
    Deed.PUT_BACK: "changed {subject}, which was put back",
    Deed.DIRECTORY_CHANGED: "changed the directory",
    Deed.DIRECTORY_CONFIRMED: "confirmed a change of the directory",
    Deed.DIRECTORY_UNDONE: "took back a change of the directory that had been confirmed",
    Deed.STAFF_LEFT: "let {person} have left the firm",
    Deed.STAFF_RETURNED: "took {person} back into the firm",
    Deed.WALL_SET: "set the wall {subject}",
    Deed.WALL_LIFTED: "lifted the wall {subject}",
    Deed.WALL_EXPIRED: "noted that the last day of the wall {subject} is over",
    Deed.WALL_ACKNOWLEDGED: "acknowledged the wall {subject}",
    Deed.TRANSCRIPT_FILED: "filed the transcript of {subject}",
    Deed.FILE_REMOVED: "sent a file to {subject} that the file rules forbid, and it was taken away",
    Deed.ROOM_MADE: "made the room of {subject}",
    Deed.ROOM_LOST: "found that the room of {subject} is gone",
    Deed.ROOM_SET_ASIDE: "closed the room of {subject}, which goes on in a new one",
    Deed.TRIED_TO_JOIN: "tried to come into {subject}, or somebody with an admin's rights tried to put them there",
    Deed.TRIED_TO_KNOCK: "tried to knock at {subject}",
    Deed.TRIED_TO_INVITE: "tried to invite {person} to {subject}",
    Deed.TRIED_TO_BAN: "tried to ban or remove {person} from {subject}, in which they never were",
    Deed.TRIED_TO_WRITE: "tried to write in {subject}, which is read-only",
    Deed.TRIED_TO_DELETE: "tried to delete in {subject}, which is under legal hold",
    Deed.TRIED_TO_SEND_FILE: "tried to send a file that the file rules forbid, or in a form that cannot be listed",
    Deed.TRIED_TO_ENCRYPT: "tried to send something encrypted",
    Deed.TRIED_TO_CHANGE_ROOM: "tried to change {subject}",
    Deed.TRIED_TO_SHUT_DOWN: "tried to delete the room of {subject}",
    Deed.TRIED_TO_CREATE: "tried to open a room that the firm does not have",
    Deed.TRIED_TO_LOG_IN: "tried to log in, though cut off",
    Deed.TRIED_OLD_SESSION: "tried to go on with a session, though cut off",
    Deed.TRIED_TO_DEACTIVATE: "tried to close the account of {person}",
    Deed.TRIED_TO_BE_PUSHED: "asked for notifications with names in them",
    Deed.TRIED_TO_CHANGE_PROFILE: "tried to put something of their own into a profile",
    Deed.TRIED_TO_MARK_READ: "tried to mark messages as read in a conversation that they are not in",
    Deed.TRIED_TO_ACT_AS_BOT: "tried to act as the bot, or to change its account",
    Deed.TRIED_TO_TELL_GUARD: "tried to tell or ask the guard what only the bridge may",
    Deed.REFUSALS_MISSING: "found that refusals of the guard may be missing in this log",
    Deed.DATABASE_PUT_BACK: "found that the database was put back, and took over what the guard knows",
}
NOBODY: Mapping[Deed, str] = {
    Deed.TRIED_TO_SEND_FILE: "Somebody",
    Deed.TRIED_TO_DEACTIVATE: "A server admin",
    Deed.TRIED_TO_TELL_GUARD: "Somebody without the guard's key",
}
"""Who it was where the guard cannot tell."""
OF_DIRECTORY = frozenset({Deed.DIRECTORY_CHANGED, Deed.DIRECTORY_CONFIRMED, Deed.DIRECTORY_UNDONE})
"""Deeds of which a line tells only what concerns people."""
_OF_PEOPLE = ("Staff:", "No longer active staff:")
_FILTER = re.compile(r"(since|from|until|to|deed):.*|refused", re.IGNORECASE)
"""What narrows the log down and names nothing."""
_NO_WORDS = frozenset({Deed.ROOM_MADE, Deed.ROOM_LOST, Deed.ROOM_SET_ASIDE, Deed.CONVERSATION_STARTED})
"""Deeds whose reason is a room's id, or the title that stands in the line already."""


@dataclass(frozen=True)
class Names:
    """What the subjects of entries are."""

    firm: Firm
    conversations: Mapping[str, Conversation]
    walls: Mapping[str, Wall]
    """By id, those that were lifted among them."""
    gone_matters: frozenset[str]
    """The ids of matters that were talked about and are no longer in the directory."""

    def may_hear(self, sight: Sight, subject: str) -> bool | None:
        """Whether this person may hear of the subject; None where nobody knows what it is.

        Of a matter that the directory no longer has nobody can tell who may, so nobody does.
        """
        if subject == "" or subject in self.firm.staff or subject in {STAFF_SPACE, KEEPER_SPACE}:
            return True
        conversation, wall = self.conversations.get(subject), self.walls.get(subject)
        if wall is not None:
            return sight.wall(wall) and not self._gone(wall.matter_id)
        matter_id = conversation.matter_id if conversation is not None else matter_of_space(subject) or subject
        if matter_id in self.firm.matters:
            return matter_id not in sight.hidden
        if conversation is not None:
            return not conversation.matter_id
        return False if matter_of_space(subject) or subject in self.gone_matters else None

    def _gone(self, matter_id: str) -> bool:
        return matter_id != "" and matter_id not in self.firm.matters

    def with_those_of(self, entries: Iterable[AuditEntry]) -> Names:
        """A unit: the same with what more entries are about."""
        ids = {one for entry in entries for one in _ids_in(entry)} - self.conversations.keys() - self.walls.keys()
        conversations = conversations_without_people(ids)
        named = {one.matter_id for one in conversations.values()} | ids
        return Names(
            self.firm,
            {**self.conversations, **conversations},
            {**self.walls, **{wall_id: one.wall for wall_id, one in wall_records(ids).items()}},
            self.gone_matters | matters_talked_about(named - self.firm.matters.keys()),
        )

    def _matter(self, subject: str) -> Matter | None:
        return self.firm.matters.get(matter_of_space(subject) or subject)

    def shown(self, sight: Sight, subject: str) -> str:
        """The subject as people know it."""
        if (conversation := self.conversations.get(subject)) is not None:
            return conversation_title(sight, conversation)
        if (matter := self._matter(subject)) is not None:
            return f"matter {matter_name(matter)}"
        spaces = {STAFF_SPACE: "the staff space", KEEPER_SPACE: "my own space"}
        person = self.firm.staff.get(subject)
        return spaces.get(subject) or (person.name if person is not None else subject)


def names_of(firm: Firm, entries: Iterable[AuditEntry]) -> Names:
    """A unit: what the subjects of these entries are, and what the commands among them were about."""
    return Names(firm, {}, firm.walls, frozenset()).with_those_of(entries)


def _ids_in(entry: AuditEntry) -> tuple[str, ...]:
    return (entry.subject, *(words_and_ids(entry.reason)[1] if entry.deed is Deed.COMMAND else ()))


def audit_line(call: Call, sight: Sight, people: Everybody, names: Names, entry: AuditEntry) -> str:
    """When, who, what, on what and for whom, why, and whether it was refused."""
    who = _person(people, entry.actor) if entry.actor else NOBODY.get(entry.deed, "The bridge")
    if entry.deed in OF_DIRECTORY and not entry.actor:
        who = "The directory's owner"
    whom = _person(people, entry.person) if entry.person else ""
    parts = [f"{who} {_deed(entry, sight, names, whom)}"]
    if whom and whom not in parts[0]:
        parts.append(f"about {whom}")
    if why := _why(entry):
        parts.append(why)
    if entry.outcome is Outcome.REFUSED and entry.deed not in BY_GUARD:
        parts.append("refused")
    return f"- {moment(call, entry.at_ms)} {escape('; '.join(parts))}"


def _person(people: Everybody, known_as: str) -> str:
    """A person by staff id, or whatever else acted as it is written in the log."""
    found = people.firm.staff.get(known_as)
    return found.name if found is not None else known_as


def _deed(entry: AuditEntry, sight: Sight, names: Names, whom: str) -> str:
    subject = names.shown(sight, entry.subject)
    if entry.deed is Deed.COMMAND:
        return f"{'typed' if entry.outcome is Outcome.REFUSED else 'used'} !{entry.subject}"
    return _SAID[entry.deed].format(subject=subject or "something", person=whom or "somebody")


def _words_of_use(entry: AuditEntry) -> str:
    """What a command was about, in the words of then; nothing where it is not noted what they named."""
    words, ids = words_and_ids(entry.reason)
    plain = entry.outcome is Outcome.REFUSED or ids or all(map(_FILTER.fullmatch, words.split()))
    return " ".join(words.split()) if plain else ""


def _why(entry: AuditEntry) -> str:
    """The rule or account, as far as it is for people."""
    if entry.deed in _NO_WORDS:
        return ""
    if entry.deed is Deed.COMMAND:
        return _words_of_use(entry)
    if entry.deed is Deed.DIRECTORY_CHANGED:
        return " ".join(line for line in entry.reason.splitlines() if line.startswith(_OF_PEOPLE))
    if entry.deed in BY_GUARD:
        rule, comma, more = entry.reason.partition(", ")
        return f"refused by the guard ({rule}){comma}{more}"
    return " ".join(entry.reason.split())
