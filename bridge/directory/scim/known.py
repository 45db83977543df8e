"""All that was pushed to the SCIM server, in memory to look it up."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scim2_models import Resource, ResourceType
from scim2_server.memory import InMemoryStorage

from bridge.directory.scim.records import Pushed, address_of, works_here
from bridge.directory.sources.port import Flaw

SECTIONS: Mapping[str, str] = {"User": "staff", "Group": "groups"}
"""The section of the directory by the name of a resource type."""


class Memory(InMemoryStorage):
    """What is in the store. A version is never given twice, nor after a new start."""

    coming_back = ""
    """The id under which the next user is made, who was here before."""

    def generate_id(self, resource_type: ResourceType, resource: Resource[Any]) -> str:
        return self.coming_back or super().generate_id(resource_type, resource)

    def create_as(self, record_id: str, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Make a resource with this id, or with a new one where it is empty."""
        self.coming_back = record_id
        try:
            return self.create(resource_type, resource)
        finally:
            self.coming_back = ""

    def next_version(self) -> str:
        return f'W/"{uuid.uuid4().hex}"'


@dataclass
class Known:
    """All that was pushed."""

    memory: Memory = field(default_factory=Memory)
    emails: dict[str, str] = field(default_factory=dict)
    """The address of each user, by id, of those who cannot be read too."""
    here: dict[str, str] = field(default_factory=dict)
    """The id of each user who is to be staff, by their address."""
    broken: dict[str, Flaw] = field(default_factory=dict)
    """What is kept and cannot be read any more, by id."""
    groups: dict[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    """The name and members of each group, by id."""
    left: dict[tuple[str, ...], str] = field(default_factory=dict)
    """The id of each deleted user, by what tells them from others."""
    pushed: bool = False
    """Whether there ever was anything."""

    def put(self, resource: Any, email: str) -> bool:
        """Take a user or group as they are now. Whether that may take something away from somebody."""
        own = str(resource.id)
        if not hasattr(resource, "user_name"):
            before = self.groups.get(own)
            members = frozenset(str(one.value) for one in resource.members or ())
            self.groups[own] = str(resource.display_name or ""), members
            # A wall may name it, and by its name it may have given a role.
            return before not in (None, self.groups[own])
        was_out = own in self.emails and self.here.get(self.emails[own].casefold()) != own
        self.drop(own)
        self.emails[own] = email
        is_here = works_here(Pushed(resource, email))
        if is_here:
            self.here[email.casefold()] = own
        return not is_here and not was_out

    def is_broken(self, resource_type: ResourceType, resource_id: object) -> bool:
        """Whether this is kept and cannot be read any more."""
        flaw = self.broken.get(str(resource_id))
        return flaw is not None and flaw.kind == SECTIONS.get(str(resource_type.name))

    def broken_at(self, email: str) -> list[str]:
        """The ids of users with this address who cannot be read."""
        return [one for one in self.broken if email and self.emails.get(one, "").casefold() == email.casefold()]

    def drop(self, own: str) -> None:
        """Know no longer of a user or group."""
        self.groups.pop(own, None)
        before = self.emails.pop(own, "").casefold()
        if self.here.get(before) == own:
            del self.here[before]

    def coming_back(self, user: Any) -> str:
        """The id that somebody had who is pushed again: who cannot be read, or was deleted; empty for none."""
        if broken := self.broken_at(address_of(user)):
            return broken[0]
        return self.left.get(marks_of(user), "")


def marks_of(user: Any) -> tuple[str, ...]:
    """What tells who was deleted from somebody who is given their userName later; empty where nothing does."""
    if not hasattr(user, "user_name") or not user.user_name:
        return ()
    name = (user.name.given_name, user.name.family_name) if user.name else ()
    marks = (user.external_id or "", *((one or "").casefold() for one in name))
    return (user.user_name.casefold(), *marks) if any(marks) else ()
