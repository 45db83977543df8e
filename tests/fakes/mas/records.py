"""What a MAS keeps: users and their sessions, as its admin API shows them."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
CLIENT, SECRET, SHARED = "01J44QC8BCY7FCFM7WGHQGKMTJ", "a secret: of+the bridge", "secret-shared-with-synapse"
API_SCOPE = "urn:matrix:client:api:*"
AT = "2026-11-30T09:00:00Z"
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class RefusedError(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, title: str) -> None:
        super().__init__(title)
        self.status = status


@dataclass
class MasUser:
    """Somebody who may sign in."""

    id: str
    username: str
    admin: bool = False
    locked: bool = False
    deactivated: bool = False
    password: str = ""

    def shown(self) -> Json:
        """As the admin API shows them."""
        return {
            "username": self.username,
            "created_at": AT,
            "locked_at": AT if self.locked else None,
            "deactivated_at": AT if self.deactivated else None,
            "admin": self.admin,
            "legacy_guest": False,
        }


@dataclass
class MasSession:
    """A session of any kind."""

    id: str
    kind: str
    user: MasUser
    scope: str = ""
    device: str = ""
    finished: bool = False
    expires_in: int | None = None
    token: str = ""

    def shown(self) -> Json:
        """As the admin API shows it."""
        ended = AT if self.finished else None
        match self.kind:
            case "personal-session":
                said = {"actor_user_id": self.user.id, "human_name": "x", "scope": self.scope, "revoked_at": ended}
            case "oauth2-session":
                said = {"user_id": self.user.id, "client_id": CLIENT, "scope": self.scope, "finished_at": ended}
            case "compat-session":
                said = {"user_id": self.user.id, "device_id": self.device or None, "finished_at": ended}
            case _:
                said = {"user_id": self.user.id, "finished_at": ended}
        return {"created_at": AT, **said}


@dataclass
class MasRecords:
    """All of it, which a test may change."""

    server_name: str = "localhost"
    passwords: bool = True
    """Whether people may have passwords."""
    users: dict[str, MasUser] = field(default_factory=dict)
    sessions: dict[str, MasSession] = field(default_factory=dict)
    emails: dict[str, Json] = field(default_factory=dict)
    links: dict[str, Json] = field(default_factory=dict)
    job: Callable[[str, Json], None] = lambda what, body: None
    """Has Synapse told what happened, some time later."""

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        """A ULID, later than all before."""
        number, text = next(self._numbers), ""
        for _ in range(8):
            number, digit = divmod(number, 32)
            text = _ALPHABET[digit] + text
        return f"01JMAS000000000000{text}"

    def add_user(self, username: str) -> MasUser:
        """Make a user."""
        user = MasUser(self.new_id(), username)
        self.users[user.id] = user
        return user

    def user(self, username: str) -> MasUser:
        """The user of that name. Raises RefusedError."""
        for one in self.users.values():
            if one.username == username:
                return one
        raise RefusedError(404, "User not found")

    def sign_in(self, username: str, *, device: str = "", kind: str = "oauth2-session", scope: str = "") -> str:
        """Let somebody sign in; the token of the session. Synapse has to have the device, where one is named."""
        wanted = " ".join(filter(None, (API_SCOPE, scope, f"urn:matrix:client:device:{device}" if device else "")))
        session = MasSession(self.new_id(), kind, self.user(username), wanted, device, token=_token("mat"))
        self.sessions[session.id] = session
        return session.token

    def whose(self, token: str) -> MasSession | None:
        """The session that a token is good for now."""
        found = next((one for one in self.sessions.values() if one.token == token and not one.finished), None)
        return None if found is None or found.user.locked or found.user.deactivated else found

    def open_sessions(self, username: str) -> list[MasSession]:
        """The sessions of somebody that are not ended."""
        return [one for one in self.sessions.values() if one.user.username == username and not one.finished]


def _token(kind: str) -> str:
    return f"{kind}_{secrets.token_hex(9)}"
