"""The port to the homeserver: every request the bridge can make, in parts named by what they are for.

`MatrixClient` (client.py) speaks to a real homeserver; tests put a fake one behind it. Every method raises a
subclass of HomeserverError and repeats by one retry policy what may pass: callers never look at status codes.
Methods act as the bot unless a `user_id` says otherwise. Those that act as or for a person raise NotAllowedError before
anything is requested, unless the policy allows it (acting.py).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bridge.mapping.disclosure import Happened

Json = dict[str, Any]
Take = Callable[[bytes], Awaitable[None]]
"""Takes the next piece of something large."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A room in which somebody has unread messages."""

    room_id: str
    count: int
    """How many that person's push rules count."""
    newest_at: int
    """When the newest message was written, in milliseconds since the epoch; 0 where it lies far back."""


class RoomRequests(Protocol):
    """Rooms, by the bot: making, finding and changing them, and what is in them now."""

    bot_id: str

    async def create_room(self, body: Json) -> str:
        """Make a room from a createRoom body and return its id. Raises AliasTakenError for a repeated
        `room_alias_name`."""

    async def resolve_alias(self, alias: str) -> str | None:
        """The room behind a full alias, or None."""

    async def put_alias(self, alias: str, room_id: str) -> None:
        """Give a room a full alias. Raises AliasTakenError where any room has it."""

    async def delete_alias(self, alias: str) -> None:
        """Take an alias from its room; one that is not there is no error."""

    async def room_state(self, room_id: str) -> list[Json]:
        """All current state events, memberships included. Raises ForbiddenError when the bot is not in the room."""

    async def state_event(self, room_id: str, event_type: str, state_key: str) -> Json | None:
        """The event behind one piece of state; None where there is none, or the bot may not see it."""

    async def admin_room_state(self, room_id: str) -> list[Json]:
        """The same through the admin API, for rooms the bot is not in. Raises NotFoundError."""

    async def admin_rooms(self) -> list[Json]:
        """Every room that the homeserver has, as the admin API lists them (GET /_synapse/admin/v1/rooms)."""

    async def admin_members(self, room_id: str) -> list[str]:
        """The user ids of those in any room. Raises NotFoundError."""

    async def put_state(
        self, room_id: str, event_type: str, state_key: str, content: Json, user_id: str | None = None
    ) -> str:
        """Set one state event, as that user or the bot, and return its event id."""

    async def invite(self, room_id: str, user_id: str) -> None:
        """Invite somebody as the bot; one who is in already is no error."""

    async def kick(self, room_id: str, user_id: str, reason: str) -> None:
        """Remove somebody as the bot, or take back an invitation; one who is not there is no error."""

    async def unban(self, room_id: str, user_id: str) -> None:
        """Lift a ban as the bot; one that is not there is no error."""

    async def redact(self, room_id: str, event_id: str, reason: str, txn_id: str) -> None:
        """Delete an event as the bot, for a reason that everybody in the room sees; the same txn_id does it once.

        One that is not there is no error. Raises ForbiddenError when the bot is not in the room.
        """

    async def set_typing(self, room_id: str, typing: bool) -> None:
        """Show or hide that the bot is typing."""


class HistoryRequests(Protocol):
    """What happened in a room, by the bot or through the admin API."""

    async def history(self, room_id: str) -> list[Happened]:
        """All messages, comings and goings in a room the bot is in, oldest first, without what was said.

        Takes a request for every thousand of them. Raises ForbiddenError when the bot is not in the room.
        """

    async def admin_messages(self, room_id: str, start: str) -> tuple[list[Json], str | None]:
        """The next messages and redactions of any room from a place on, empty for its beginning, oldest first; and the
        place behind them, None at the end. Raises NotFoundError."""

    async def admin_events(self, room_id: str, start: str) -> tuple[list[Json], str | None]:
        """The next events of any kind of any room from a place on, as `admin_messages`.

        Deleted events come without what was said.
        """

    async def admin_newest_messages(self, room_id: str) -> list[Json]:
        """What was said last in any room, the newest first. Raises NotFoundError."""

    async def admin_place_of(self, room_id: str, since_ms: int) -> str | None:
        """The place from which `admin_messages` gives what any room has of this time or later; None where it has
        nothing of then, or is gone."""

    async def admin_newest_event(self, room_id: str) -> str:
        """The id of the newest event of any room, through the admin API. Raises NotFoundError."""


class PersonRequests(Protocol):
    """What is done as one user: a person, or the bot as any other."""

    bot_id: str

    async def join(self, room_id: str, user_id: str) -> None:
        """Join by invitation or an open rule, as that user."""

    async def join_again(self, room_id: str, user_id: str) -> None:
        """Join a room as that user, who is in it, so that the invitation is not what came right before it."""

    async def leave(self, room_id: str, user_id: str) -> None:
        """Leave, as that user; one who is not in is no error."""

    async def give_up_power(self, room_id: str, user_id: str, levels: Json) -> None:
        """Set the power levels, as a user who loses power by it."""

    async def forget(self, room_id: str, user_id: str) -> None:
        """Forget a room already left, as that user."""

    async def send(self, room_id: str, sender: str, event_type: str, content: Json, txn_id: str) -> str:
        """Send an event as that user with the bridge's device and return its event id; the same txn_id sends once."""

    async def event(self, room_id: str, event_id: str, user_id: str) -> Json | None:
        """An event as that user sees it; None where the room has none that they may see, or somebody deleted it."""

    async def search(self, user_id: str, words: str, room_ids: Sequence[str], limit: int) -> list[Json]:
        """The newest messages with these words in these rooms, as that user finds them; at most so many."""

    async def state_content(self, room_id: str, event_type: str, user_id: str, state_key: str = "") -> Json:
        """The content of a state event; empty where there is none that the user may see."""

    async def state_event_as(self, user_id: str, room_id: str, event_type: str, state_key: str) -> Json | None:
        """The event behind one piece of state; None where there is none, or the user may not see it."""

    async def account_data(self, user_id: str, data_type: str, room_id: str = "") -> Json:
        """A user's account data, global or of a room that they need not be in; empty where there is none."""

    async def put_account_data(self, user_id: str, data_type: str, content: Json, room_id: str = "") -> None:
        """Replace a user's account data of one type, global or of a room that they need not be in."""

    async def push_rules(self, user_id: str) -> Json:
        """All push rules of a user: a list for each kind (override, room and so on)."""

    async def put_push_rule(self, user_id: str, kind: str, rule_id: str, rule: Json) -> None:
        """Set a user's push rule, replacing one that is there."""

    async def delete_push_rule(self, user_id: str, kind: str, rule_id: str) -> None:
        """Take a user's push rule away; one that is not there is no error."""

    async def joined_rooms(self, user_id: str) -> list[str]:
        """The ids of the rooms that user is in."""

    async def unread(self, user_id: str) -> list[Unread]:
        """The rooms in which that user has unread messages. Asking marks nothing as read and shows nobody as present.

        A room that they have left may be among them for a quarter of an hour. Where no push rule of theirs keeps
        invitations from counting, a count is one too high until that user first reads something in the room: Synapse
        sums them up with the messages.
        """

    def has_counted(self, user_id: str) -> bool:
        """Whether `unread` asked for all rooms of that user before, so that asking again is quick."""


class AccountRequests(Protocol):
    """Accounts and their sessions, kept by the homeserver itself or by its Matrix Authentication Service."""

    @property
    def accounts_trouble(self) -> str:
        """Why whoever keeps them in Synapse's place does not serve, as far as they were asked; empty where they do."""

    async def look_at_accounts(self) -> None:
        """See whether they serve, for `accounts_trouble`. Raises nothing."""

    async def register(self, localpart: str) -> None:
        """Register a user of the service (no login). Raises UserTakenError when the account is there."""

    async def ensure_device(self, user_id: str) -> None:
        """Make the bridge's device for that user, once per process and user; sending needs it (MSC4326)."""

    async def openid_user(self, token: str) -> str | None:
        """Whose OpenID token this is, by their user id; None where the homeserver knows it not, or no more."""

    async def admin_user(self, user_id: str) -> Json | None:
        """An account as Synapse's admin API shows it, or None. One that is half deactivated is shown as locked."""

    async def admin_put_user(self, user_id: str, body: Json) -> Json:
        """Make an account or change it: displayname, avatar_url, threepids, external_ids. What is not named stays."""

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        """Give an account another password. Raises ForbiddenError where people have none."""

    async def lock(self, user_id: str) -> None:
        """Let nobody use an account."""

    async def unlock(self, user_id: str) -> None:
        """Let its owner use it again."""

    async def reactivate(self, user_id: str) -> None:
        """Take back an account that was ended."""

    async def delete_devices(self, user_id: str) -> None:
        """End every session of that account."""

    async def admin_device_ids(self, user_id: str) -> list[str]:
        """The sessions of that account, by their devices where they have one."""

    async def admin_memberships(self, user_id: str) -> dict[str, str]:
        """An account's membership in every room it has to do with, by room id."""

    async def deactivate(self, user_id: str) -> None:
        """End an account for good, and leave what it wrote."""

    async def admin_pushers(self, user_id: str) -> list[Json]:
        """What an account's clients have notifications sent to, as the specification's Pusher objects."""

    async def end_pusher(self, user_id: str, app_id: str, pushkey: str) -> None:
        """End one of them, as its owner's client would."""

    async def profile(self, user_id: str) -> Json:
        """A profile as colleagues see it, by the names of its fields. Raises NotFoundError."""

    async def drop_profile_field(self, user_id: str, name: str) -> None:
        """Take a field out of a profile."""


class MediaRequests(Protocol):
    """Files, by the bot."""

    async def upload(self, data: bytes, content_type: str, filename: str) -> str:
        """Upload media as the bot and return its mxc URI."""

    async def download(self, server_name: str, media_id: str, take: Take) -> None:
        """Hand over media in pieces, each byte once and in order, however often the connection breaks.

        What `take` raises ends it. Raises NotFoundError for media that is gone or quarantined.
        """

    async def thumbnail(self, server_name: str, media_id: str, width: int, height: int) -> bytes:
        """A small picture that the homeserver drew of a picture, of about so many pixels.

        Raises NotFoundError for what it draws nothing of.
        """

    async def media(self, server_name: str, media_id: str) -> Json | None:
        """What the homeserver knows of a file: user_id, media_length, sha256 and more; None where it has none."""

    async def quarantine(self, server_name: str, media_id: str) -> None:
        """Let nobody download a file of this homeserver any more, nor any other with the same content, also later.

        One that is not there is no error.
        """


class GuardRequests(Protocol):
    """What is said to the guard and asked of it."""

    async def push_policy(self, body: bytes, signature: str) -> None:
        """Tell the guard what it must know (bridge/guard/protocol.py). Raises PolicyOutdatedError."""

    async def guard_status(self, signature: str) -> Json:
        """Which policy the guard has, its digest, and what it refused, by rule. Raises ForbiddenError for another
        key."""

    async def guard_facts(self, signature: str) -> Json:
        """All that the guard knows, with a signature (bridge/guard/protocol.py).

        Raises BadRequestError where the guard is older than this, and ForbiddenError for another key.
        """

    async def guard_refusals(self, body: bytes, signature: str) -> Json:
        """Say which refusals the bridge has, and get those behind them with a signature (bridge/guard/protocol.py).

        Raises ForbiddenError for another key.
        """

    async def guard_farewell(self, body: bytes, signature: str) -> None:
        """Say whose account is about to be closed (bridge/guard/protocol.py). Raises PolicyOutdatedError."""


class ServiceRequests(Protocol):
    """Whether each reaches the other, and how."""

    async def ping(self, txn_id: str) -> float:
        """Ask the homeserver to call the bridge back (spec: appservice ping); milliseconds it took."""

    async def clock(self) -> tuple[float, float]:
        """The homeserver's clock by an answer's Date header, and for how long it was waited for; in milliseconds.

        Raises NotFoundError where answers have none.
        """

    async def whoami(self, user_id: str | None = None) -> str:
        """The user the token acts as. Raises TokenRejectedError."""

    async def close(self) -> None:
        """Close connections."""


class Homeserver(
    RoomRequests,
    HistoryRequests,
    PersonRequests,
    AccountRequests,
    MediaRequests,
    GuardRequests,
    ServiceRequests,
    Protocol,
):
    """All of them, for who hands them on. Whoever asks for something takes the part it needs."""
