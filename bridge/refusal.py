"""How what somebody asked for is refused: as data by an operation, in words by a command that cannot be read."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from bridge.firm.errors import BridgeError
from bridge.firm.rules import CitedRule

Fact = str | int | tuple[str, ...]


class Kind(StrEnum):
    """What an operation refuses for. `bridge.wording.refusals` has the sentence of each, with the facts it takes."""

    # Who may ask
    COMMAND_FOR_ADMINS = "command_for_admins"
    LIST_FOR_ADMINS = "list_for_admins"
    FOR_ADMINS = "for_admins"
    PINS_FOR_ADMINS = "pins_for_admins"
    # People and places that are named
    SEVERAL_CALLED = "several_called"
    NOBODY_CALLED = "nobody_called"
    HAS_LEFT = "has_left"
    NO_SUCH_PLACE = "no_such_place"
    # Walls
    NO_MEMO = "no_memo"
    MEMO_TOO_LONG = "memo_too_long"
    WALL_NAMES_NOBODY = "wall_names_nobody"
    WALL_LETS_NOBODY_IN = "wall_lets_nobody_in"
    WALL_NAMES_UNKNOWN = "wall_names_unknown"
    WALL_WOULD_BE_OVER = "wall_would_be_over"
    NOTHING_TO_WALL = "nothing_to_wall"
    NO_SUCH_WALL = "no_such_wall"
    WALLS_OF_DIRECTORY = "walls_of_directory"
    NOT_TOLD_OF_WALL = "not_told_of_wall"
    TOLD_OF_NO_WALL = "told_of_no_wall"
    # Staff
    CUT_OFF_SELF = "cut_off_self"
    LAST_ADMIN = "last_admin"
    GONE_BY_DIRECTORY = "gone_by_directory"
    # The directory
    NO_CHANGE_WAITS = "no_change_waits"
    WHICH_CHANGE = "which_change"
    CHANGE_WAITS_NO_MORE = "change_waits_no_more"
    NO_CHANGE_CONFIRMED = "no_change_confirmed"
    NOT_THE_LAST_CHANGE = "not_the_last_change"
    CHANGE_TAKEN_BACK = "change_taken_back"
    TOO_LATE_TO_TAKE_BACK = "too_late_to_take_back"
    OLD_DIRECTORY_DOES_NOT_FIT = "old_directory_does_not_fit"
    DIRECTORY_CHANGED_MEANWHILE = "directory_changed_meanwhile"
    # Filing
    NO_CABINET = "no_cabinet"

    # Conversations
    NOT_COMPLETE = "not_complete"
    NOBODY_BESIDES_YOU = "nobody_besides_you"
    PEOPLE_STAY_THE_SAME = "people_stay_the_same"
    PEOPLE_CHANGED_FROM_INSIDE = "people_changed_from_inside"
    READ_ONLY_PEOPLE = "read_only_people"
    MADE_ANEW = "made_anew"
    NOT_THERE_ANY_MORE = "not_there_any_more"

    # Pins
    READ_ONLY_PINS = "read_only_pins"
    NO_SUCH_MESSAGE = "no_such_message"
    PINS_FULL = "pins_full"
    PINS_NOT_SET = "pins_not_set"

    # Channels
    CHANNEL_NAME_UNUSABLE = "channel_name_unusable"
    CHANNEL_NAME_TAKEN = "channel_name_taken"
    NO_SUCH_CHANNEL = "no_such_channel"
    TOPIC_TOO_LONG = "topic_too_long"
    CHANNEL_ARCHIVED = "channel_archived"
    NOT_IN_CHANNEL = "not_in_channel"
    FIRM_CHANNEL_STAYS_OPEN = "firm_channel_stays_open"
    NOBODY_LEAVES_FIRM_CHANNEL = "nobody_leaves_firm_channel"
    NOBODY_OUT_OF_FIRM_CHANNEL = "nobody_out_of_firm_channel"

    # Matters
    NO_SUCH_MATTER = "no_such_matter"
    NOBODY_TO_START_WITH = "nobody_to_start_with"
    MATTER_CLOSED = "matter_closed"
    NO_TITLE = "no_title"
    TITLE_UNSEEN = "title_unseen"
    TITLE_TOO_LONG = "title_too_long"
    TITLE_TAKEN = "title_taken"
    LIKE_ANOTHER_MATTER = "like_another_matter"
    READ_ONLY_TITLE = "read_only_title"
    CHANGED_FROM_INSIDE = "changed_from_inside"
    NOT_IN_CONVERSATION = "not_in_conversation"
    NOTHING_SAID = "nothing_said"
    TRANSCRIPT_TOO_LARGE = "transcript_too_large"

    # Rooms asked for by a client's own button
    NOT_ON_STAFF = "not_on_staff"
    NOT_BY_BUTTON = "not_by_button"
    NOT_THEIR_SPACE = "not_their_space"
    NOT_FOR_ALL = "not_for_all"
    # The API
    TOO_LARGE_TO_REHEARSE = "too_large_to_rehearse"
    SCOPE_MISSING = "scope_missing"
    # Webhooks
    WEBHOOK_ADDRESS = "webhook_address"
    TOO_MANY_WEBHOOKS = "too_many_webhooks"
    # The panel
    NO_PANEL = "no_panel"
    SIGN_ON_NOT_VERIFIED = "sign_on_not_verified"
    SIGN_ON_UNKNOWN = "sign_on_unknown"
    SIGN_ON_USED = "sign_on_used"


NOT_THEIRS = frozenset({Kind.COMMAND_FOR_ADMINS, Kind.LIST_FOR_ADMINS, Kind.FOR_ADMINS, Kind.PINS_FOR_ADMINS})
"""What is for others to ask for. The audit log tells who tried it (O1)."""


class Refusal(BridgeError):  # noqa: N818 - no error: an answer
    """An operation did nothing of what it was asked for. Its text is for logs and has no facts, which may be secret."""

    def __init__(self, kind: Kind, rule: CitedRule | Literal[""] = "", /, **facts: Fact) -> None:
        super().__init__(f"{kind} ({rule})" if rule else str(kind))
        self.kind = kind
        self.rule = rule
        """The rule that decided; empty where it was none, and where what must not be seen is answered as if it were not
        there (M3)."""
        self.facts = facts
        """What the sentence names, as it is: nothing of it is escaped."""


class CommandError(BridgeError):
    """A command that cannot be read. The message is the bot's reply in Markdown: what is wrong and what to do."""
