"""All people whom the directory has, by what they are called and by their accounts."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from bridge.desk import Desk
from bridge.firm.model import Firm, Staff
from bridge.firm.names import Called, by_email, called, plain
from bridge.firm.text.directions import apart
from bridge.mapping.near import closest
from bridge.refusal import Kind, Refusal


@dataclass(frozen=True)
class Everybody:
    """All people whom the directory has, leavers included, and their accounts."""

    firm: Firm
    accounts: dict[str, str]
    """Staff ids by localpart."""
    server_name: str

    def user_id(self, staff_id: str) -> str:
        """The account of this person; empty where there is none."""
        localpart = self._localparts.get(staff_id)
        return f"@{localpart}:{self.server_name}" if localpart is not None else ""

    @cached_property
    def _localparts(self) -> dict[str, str]:
        return {staff_id: localpart for localpart, staff_id in self.accounts.items()}

    @cached_property
    def _called(self) -> Called:
        return self.firm.found_in_staff(called)

    def owner(self, user_id: str) -> Staff | None:
        """Whose account it is."""
        localpart, _, server = user_id.removeprefix("@").partition(":")
        return self.firm.staff.get(self.accounts.get(localpart, "")) if server in {"", self.server_name} else None

    def named(self, typed: str) -> Staff | None:
        """Who has this @name, full id, e-mail address, staff id or name. Raises Refusal where several have it.

        What has no @ may be one person's name and another's account; then both are meant.
        """
        wanted = " ".join(typed.split()).strip("\"'“”„").casefold()
        owner = self.owner(wanted)
        if found := self.firm.staff.get(typed) or (owner if wanted.startswith("@") else None):
            return found
        with_email = self.firm.found_in_staff(by_email).get(wanted, []) if wanted else []
        called = self._called.found(wanted.removeprefix("@"))
        several = with_email or list(dict.fromkeys([*called, *([owner] if owner else [])]))
        if len(several) > 1:
            choices = tuple(f"{apart(person.name)} ({self.user_id(person.id) or person.id})" for person in several)
            raise Refusal(Kind.SEVERAL_CALLED, typed=typed, choices=choices)
        return several[0] if several else None

    def unknown(self, typed: str) -> Refusal:
        """That nobody is called so."""
        names = {plain(person.name): person.name for person in self.firm.staff.values()}
        near = closest(plain(typed.strip("@")), names)
        return Refusal(Kind.NOBODY_CALLED, typed=typed, meant=names[near] if near else "")


async def everybody(desk: Desk) -> Everybody:
    """All people, as the directory has them now."""
    return Everybody(desk.firm(), await desk.reconciler.accounts.owners(), desk.server_name)
