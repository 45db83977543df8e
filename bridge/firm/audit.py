"""The audit log's entries and the chain that holds them together (O1). Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import astuple, dataclass
from enum import StrEnum
from urllib.parse import quote, unquote

from bridge.firm.text.directions import together

NO_DIGEST = ""
"""What stands before the first entry."""


class Deed(StrEnum):
    """What was done, or tried."""

    CONVERSATION_STARTED = "conversation_started"
    PARTICIPANT_ADDED = "participant_added"
    PARTICIPANT_REMOVED = "participant_removed"
    PARTICIPANT_JOINED = "participant_joined"
    PARTICIPANT_LEFT = "participant_left"
    RENAMED = "renamed"
    TOPIC_SET = "topic_set"
    ARCHIVED = "archived"
    RESTORED = "restored"
    COMMAND = "command"
    API = "api"
    TOKEN_MADE = "token_made"  # noqa: S105 - the name of a deed
    TOKEN_ENDED = "token_ended"  # noqa: S105 - the name of a deed
    WEBHOOK_MADE = "webhook_made"
    WEBHOOK_ENDED = "webhook_ended"
    PUT_BACK = "put_back"
    DIRECTORY_CHANGED = "directory_changed"
    DIRECTORY_CONFIRMED = "directory_confirmed"
    DIRECTORY_UNDONE = "directory_undone"
    WALL_SET = "wall_set"
    WALL_LIFTED = "wall_lifted"
    WALL_EXPIRED = "wall_expired"
    WALL_ACKNOWLEDGED = "wall_acknowledged"
    STAFF_LEFT = "staff_left"
    STAFF_RETURNED = "staff_returned"
    TRANSCRIPT_FILED = "transcript_filed"
    FILE_REMOVED = "file_removed"
    ROOM_MADE = "room_made"
    ROOM_LOST = "room_lost"
    ROOM_SET_ASIDE = "room_set_aside"
    TRIED_TO_JOIN = "tried_to_join"
    TRIED_TO_KNOCK = "tried_to_knock"
    TRIED_TO_INVITE = "tried_to_invite"
    TRIED_TO_BAN = "tried_to_ban"
    TRIED_TO_WRITE = "tried_to_write"
    TRIED_TO_DELETE = "tried_to_delete"
    TRIED_TO_DELETE_FILES = "tried_to_delete_files"
    TRIED_TO_SEND_FILE = "tried_to_send_file"
    TRIED_TO_ENCRYPT = "tried_to_encrypt"
    TRIED_TO_CHANGE_ROOM = "tried_to_change_room"
    TRIED_TO_SHUT_DOWN = "tried_to_shut_down"
    TRIED_TO_CREATE = "tried_to_create"
    TRIED_TO_LOG_IN = "tried_to_log_in"
    TRIED_OLD_SESSION = "tried_old_session"
    TRIED_TO_DEACTIVATE = "tried_to_deactivate"
    TRIED_TO_BE_PUSHED = "tried_to_be_pushed"
    TRIED_TO_CHANGE_PROFILE = "tried_to_change_profile"
    TRIED_TO_MARK_READ = "tried_to_mark_read"
    TRIED_TO_ACT_AS_BOT = "tried_to_act_as_bot"
    TRIED_TO_TELL_GUARD = "tried_to_tell_guard"
    REFUSALS_MISSING = "refusals_missing"
    DATABASE_PUT_BACK = "database_put_back"


BY_GUARD = frozenset(deed for deed in Deed if deed.value.startswith("tried_"))
"""What the guard refused inside Synapse, and told the bridge afterwards."""


USES = frozenset({Deed.COMMAND, Deed.API})
"""That something was asked for, by whatever way; what it was about is told by `with_ids`."""


DRY_RUN = " (dry run)"
"""Stands behind what was asked for only to see what it would do."""


class Outcome(StrEnum):
    """What came of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """Who did what, on what, why, when. Never what anybody wrote."""

    at_ms: int
    """Milliseconds since the epoch: when it was done, which for what the guard refused may be long before the entry."""
    deed: Deed
    actor: str = ""
    """Staff id, or a user id of nobody in the firm; empty for the bridge by itself and for the directory."""
    subject: str = ""
    """What it was done on: the id of a conversation or matter, the name of a command, or what the API was asked for."""
    person: str = ""
    """The staff id of whom it concerns, where that is somebody else or the actor is not a person."""
    reason: str = ""
    """The rule that decided, or a short account of what changed."""
    cause: str = ""
    """The event id of what was typed or done in a client."""
    outcome: Outcome = Outcome.DONE


_WITH_IDS = re.compile(r"(.*?) ?\[([^\[\]]+)\]", re.DOTALL)


def with_ids(words: str, ids: Iterable[str]) -> str:
    """What a command was about, as the log has it: the words as typed, and behind them the ids of what they named.

    Numbers change and matters go, so that words alone would tell one day what nobody may hear of any more (M3).
    """
    named, plain = " ".join(quote(one, safe="") for one in ids), together(words)
    return f"{plain} [{named}]".lstrip() if named else plain


def words_and_ids(reason: str) -> tuple[str, tuple[str, ...]]:
    """The words and the ids that `with_ids` put together; no ids where none stand there."""
    found = _WITH_IDS.fullmatch(reason)
    return (found[1], tuple(map(unquote, found[2].split(" ")))) if found else (reason, ())


def chained(previous: str, entry: AuditEntry) -> str:
    """The digest of an entry behind the one with the digest `previous`, as hexadecimal SHA-256.

    It stands for the whole log up to here: an entry changed, left out, added or moved gives another digest.
    """
    written = json.dumps([previous, *astuple(entry)], ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
