"""Entries of the audit log in plain words, one line each."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from bridge.firm.audit import BY_GUARD, USES, AuditEntry, Deed, Outcome, words_and_ids
from bridge.firm.conversation import Conversation
from bridge.firm.model import Firm, Matter, Wall
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_of_space
from bridge.firm.sight import Sight
from bridge.firm.systems import system_called
from bridge.firm.text.directions import apart
from bridge.mapping.names import matter_said
from bridge.settings import FirmSettings
from bridge.store.engine.unit import ReadUnit
from bridge.store.people.walls import wall_records
from bridge.store.record.audit import Audited
from bridge.store.rooms.questions import conversations_without_people, matters_talked_about, titles_of
from bridge.wording.audit import put_back, rule_in_words
from bridge.wording.markdown import escape
from bridge.wording.moments import moment_in
from bridge.wording.places import conversation_title

MaySay = Callable[[str], bool]
SAID: Mapping[Deed, str] = {
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
    Deed.STAFF_LEFT: "recorded that {person} has left the firm",
    Deed.STAFF_RETURNED: "took {person} back into the firm",
    Deed.TOKEN_MADE: "made a token of the API for {subject}",
    Deed.TOKEN_ENDED: "ended a token of the API for {subject}",
    Deed.WEBHOOK_MADE: "made a webhook",
    Deed.WEBHOOK_ENDED: "ended a webhook",
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
    Deed.TRIED_TO_DELETE_FILES: "tried to delete files from the server while a matter is under legal hold",
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
_FOR_ADMINS = "only for firm admins (F1)"
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
    titles: Mapping[str, tuple[tuple[int, str], ...]]
    """What conversations were called, by id, and from which entry on, oldest first."""

    def may_hear(self, sight: Sight, subject: str) -> bool | None:
        """Whether this person may hear of the subject; None where nobody knows what it is.

        Of a matter that the directory no longer has nobody can tell who may, so nobody does.
        """
        if subject == "" or subject in self.firm.staff or system_called(subject):
            return True
        if subject in {STAFF_SPACE, KEEPER_SPACE}:
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

    def with_those_of(self, unit: ReadUnit, entries: Iterable[AuditEntry]) -> Names:
        """The same with what more entries are about."""
        ids = {one for entry in entries for one in _ids_in(entry)} - self.conversations.keys() - self.walls.keys()
        conversations = conversations_without_people(unit, ids)
        named = {one.matter_id for one in conversations.values()} | ids
        return Names(
            self.firm,
            {**self.conversations, **conversations},
            {**self.walls, **{wall_id: one.wall for wall_id, one in wall_records(unit, ids).items()}},
            self.gone_matters | matters_talked_about(unit, named - self.firm.matters.keys()),
            {**self.titles, **titles_of(unit, conversations)},
        )

    def _matter(self, subject: str) -> Matter | None:
        return self.firm.matters.get(matter_of_space(subject) or subject)

    def shown(self, subject: str, at: int, may_say: MaySay = lambda title: True) -> str:
        """The subject as people know it, by the name that it had at this entry, and the one it has now."""
        if (conversation := self.conversations.get(subject)) is not None:
            then = self.title(subject, at)
            if not then or not may_say(then):
                return conversation_title(self.firm, conversation)
            return self._titled(conversation, then) + _now(conversation, then)
        if (matter := self._matter(subject)) is not None:
            return f"matter {matter_said(matter)}"
        spaces = {STAFF_SPACE: "the staff space", KEEPER_SPACE: "the bot's own space"}
        return spaces.get(subject) or self.person(subject)

    def renamed(self, subject: str, at: int, may_say: MaySay) -> str:
        """That this entry renamed the conversation."""
        conversation, before, then = (
            self.conversations.get(subject),
            self.title(subject, at - 1),
            self.title(subject, at),
        )
        if conversation is None or not before or not may_say(before):
            return f"renamed {self.shown(subject, at, may_say)}"
        return f"renamed {self._titled(conversation, before)} to {apart(then)}{_now(conversation, then)}"

    def _titled(self, conversation: Conversation, title: str) -> str:
        return conversation_title(self.firm, replace(conversation, title=title))

    def title(self, subject: str, at: int) -> str:
        """What a conversation was called from this entry on; empty where nobody knows."""
        return next((title for since, title in reversed(self.titles.get(subject, ())) if since <= at), "")

    def person(self, known_as: str) -> str:
        """A person by staff id, a system, or whatever else acted as it is written in the log."""
        found = self.firm.staff.get(known_as)
        return apart(found.name if found is not None else system_called(known_as) or known_as)


def _now(conversation: Conversation, then: str) -> str:
    return f" (now {apart(conversation.title)})" if then != conversation.title else ""


def no_names(firm: Firm) -> Names:
    """What the firm itself knows, before any entry is looked at."""
    return Names(firm, {}, firm.walls, frozenset(), {})


def names_of(unit: ReadUnit, firm: Firm, entries: Iterable[AuditEntry]) -> Names:
    """What the subjects of these entries are, and what the commands among them were about."""
    return no_names(firm).with_those_of(unit, entries)


def _ids_in(entry: AuditEntry) -> tuple[str, ...]:
    return (entry.subject, *(words_and_ids(entry.reason)[1] if entry.deed in USES else ()))


def audit_line(settings: FirmSettings, sight: Sight, names: Names, one: Audited) -> str:
    """When, who, what, on what and for whom, why, and whether it was refused; in Markdown."""
    return f"- {moment_in(settings, one.entry.at_ms)} {escape(words_for(sight, names, one))}"


def words_for(sight: Sight, names: Names, one: Audited) -> str:
    """The same without the moment, as plain text, for whoever has this sight."""
    return audit_words(names, one, lambda title: not sight.names_hidden(title))


def audit_words(names: Names, one: Audited, may_say: MaySay = lambda title: True) -> str:
    """The same without the moment, as plain text. `may_say` tells whether a former title may be named."""
    entry = one.entry
    who = _who(names, entry.actor) if entry.actor else NOBODY.get(entry.deed, "The bridge")
    if entry.deed in OF_DIRECTORY and not entry.actor:
        who = "The directory's owner"
    whom = names.person(entry.person) if entry.person else ""
    what, why = _told(names, one, whom, may_say)
    parts = [f"{who} {what}"]
    if whom and whom not in parts[0]:
        parts.append(f"about {whom}")
    if entry.outcome is Outcome.REFUSED:
        by = "refused by the guard" if entry.deed in BY_GUARD else "refused"
        parts.append(f"{by}: {apart(why)}" if why else by)
    elif why:
        parts.append(apart(why))
    return "; ".join(parts)


def _who(names: Names, actor: str) -> str:
    """Who acted, at the beginning of a sentence."""
    called = names.person(actor)
    return called[:1].upper() + called[1:] if system_called(actor) else called


def _told(names: Names, one: Audited, whom: str, may_say: MaySay) -> tuple[str, str]:
    """What was done or tried, and why, as far as that is for people."""
    entry = one.entry
    if entry.deed in USES:
        return _used(entry), _words_of_use(entry)
    if entry.deed is Deed.RENAMED:
        return names.renamed(entry.subject, one.position, may_say), ""
    form, why = SAID[entry.deed], _why(entry)
    if entry.deed is Deed.PUT_BACK:
        form, why = put_back(entry.reason, by_themselves=entry.person in {"", entry.actor})
    subject = names.shown(entry.subject, one.position, may_say)
    return form.format(subject=subject or "something", person=whom or "somebody"), why


def _used(entry: AuditEntry) -> str:
    """What was asked for, and with what."""
    if entry.deed is Deed.API:
        return f"asked the API for {entry.subject}"
    return f"{'typed' if entry.outcome is Outcome.REFUSED else 'used'} !{entry.subject}"


def _words_of_use(entry: AuditEntry) -> str:
    """What a command was about, in the words of then; nothing where it is not noted what they named."""
    words, ids = words_and_ids(entry.reason)
    if entry.outcome is Outcome.REFUSED:
        return _FOR_ADMINS if words == "F1" else rule_in_words(" ".join(words.split()))
    plain = ids or all(map(_FILTER.fullmatch, words.split()))
    return " ".join(words.split()) if plain else ""


def _why(entry: AuditEntry) -> str:
    """The rule or account, as far as it is for people."""
    if entry.deed in _NO_WORDS:
        return ""
    if entry.deed is Deed.DIRECTORY_CHANGED:
        return " ".join(line for line in entry.reason.splitlines() if line.startswith(_OF_PEOPLE))
    return rule_in_words(" ".join(entry.reason.split()))
