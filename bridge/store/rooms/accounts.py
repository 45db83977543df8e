"""What is stored of the staff's accounts on the homeserver."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bridge.store import models
from bridge.store.engine.sql import batched, placeholders
from bridge.store.engine.store import Store
from bridge.store.engine.unit import ReadUnit, Unit

_LOCALPARTS = "SELECT staff_id, localpart FROM account WHERE staff_id IN ({})"


@dataclass(frozen=True, slots=True)
class StoredAccount:
    """What is known of a staff member's account."""

    localpart: str
    profile: str
    avatar_mxc: str
    avatar_digest: str
    name: str = ""
    """The display name that was last written to the homeserver."""

    @property
    def called(self) -> str:
        """What the person is called as far as is known without the directory."""
        return self.name or self.localpart


def all_accounts(unit: ReadUnit) -> dict[str, StoredAccount]:
    """All accounts, by staff id."""
    rows = unit.rows("SELECT staff_id, localpart, profile, avatar_mxc, avatar_digest, name FROM account")
    return {staff_id: StoredAccount(*rest) for staff_id, *rest in rows}


@dataclass(frozen=True, slots=True)
class AccountsChanged:
    """News for those who listen to the store: an account was added, or what is known of one changed."""


def add_accounts(unit: Unit, localparts: dict[str, str]) -> None:
    """Give localparts to staff ids, before the accounts are asked for. Announces AccountsChanged."""
    unit.announce(AccountsChanged())
    for staff_id, localpart in localparts.items():
        unit.run(models.Account.insert(staff_id=staff_id, localpart=localpart).on_conflict_ignore())


def record_profile(unit: Unit, staff_id: str, name: str, profile: str, avatar_mxc: str, avatar_digest: str) -> None:
    """Note what was last written to the homeserver about an account. Announces AccountsChanged."""
    unit.announce(AccountsChanged())
    unit.run(
        models.Account.update(name=name, profile=profile, avatar_mxc=avatar_mxc, avatar_digest=avatar_digest).where(
            models.Account.staff_id == staff_id
        )
    )


def staff_by_localpart(unit: ReadUnit) -> dict[str, str]:
    """Staff ids by localpart."""
    return dict(unit.rows("SELECT localpart, staff_id FROM account"))


def localparts_of(unit: ReadUnit, staff_ids: Iterable[str]) -> dict[str, str]:
    """The localparts of those of these people who have an account, by staff id."""
    found: dict[str, str] = {}
    for some in batched(staff_ids):
        found.update(unit.rows(_LOCALPARTS.format(placeholders(some)), *some))
    return found


class Accounts:
    """All accounts, kept in memory until one changes: every room needs to know whose the user ids in it are."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, StoredAccount] | None = None
        self._owners: dict[str, str] | None = None
        self._changes = 0
        store.listen(self._hear)

    async def known(self) -> dict[str, StoredAccount]:
        """The accounts, by staff id. Not to be changed."""
        if (known := self._known) is None:
            before = self._changes
            known = await self._store.read(all_accounts)
            # What changed meanwhile may be in it or not.
            self._known = known if before == self._changes else None
        return known

    async def owners(self) -> dict[str, str]:
        """Staff ids by localpart. Not to be changed."""
        known = await self.known()
        if (owners := self._owners) is None:
            owners = {account.localpart: staff_id for staff_id, account in known.items()}
            self._owners = owners if known is self._known else None
        return owners

    def _hear(self, news: Sequence[object]) -> None:
        if any(isinstance(one, AccountsChanged) for one in news):
            self._known = self._owners = None
            self._changes += 1
