"""What is done with accounts, wherever they are kept. Whether it may be done is asked before (parts/accounts.py)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

Json = dict[str, Any]


class AccountKeeping(Protocol):
    """The accounts of the homeserver's users. Every method raises HomeserverError."""

    async def find(self, user_id: str) -> Json | None:
        """An account, or None: displayname, avatar_url, suspended, and admin, locked and deactivated.

        Where two keep it, it is locked when only one of them has deactivated it.
        """

    async def write(self, user_id: str, body: Mapping[str, Any]) -> Json:
        """Make an account or change it: displayname, avatar_url, threepids and external_ids, as Synapse's admin API has
        them. What is not named stays."""

    async def set_password(self, user_id: str, password: str, *, end_sessions: bool) -> None:
        """Give an account another password. Raises ForbiddenError where people have none."""

    async def lock(self, user_id: str) -> None:
        """Let nobody use an account; one that is locked is no error."""

    async def unlock(self, user_id: str) -> None:
        """Let its owner use it again, also one that was half deactivated."""

    async def deactivate(self, user_id: str) -> None:
        """End an account for good, and leave what it wrote."""

    async def reactivate(self, user_id: str) -> None:
        """Take back an account that was ended. Nobody knows a password for it."""

    async def sessions(self, user_id: str) -> list[str]:
        """The sessions of an account, by their devices where they have one. The bridge's own device is one, too."""

    async def end_sessions(self, user_id: str) -> None:
        """End every session of an account; none is no error."""

    async def close(self) -> None:
        """Give back what was opened."""
