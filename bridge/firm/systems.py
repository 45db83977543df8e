"""Systems that act as themselves and not as a person (A1). Pure.

Such a system is nobody of the firm: it is in no conversation, and on no side of a wall. It may know what everybody at
the firm may know: the channels, and the matters that are open to all, until a wall stands around one. What it is used
for nobody can tell here; somebody whom the wall keeps out may be the one who uses it (M3).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from bridge.firm.model import Firm

_PREFIX = "system:"
"""No staff id has a colon."""
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


@dataclass(frozen=True)
class FirmForSystem(Firm):
    """The firm as one system may know it. Elsewhere a system is unknown, and whoever is unknown may do nothing."""

    system: str = ""
    """Its id."""

    def is_system(self, acting: str) -> bool:
        return acting == self.system


def for_system(firm: Firm, system: str) -> FirmForSystem:
    """The firm as the system with this id may know it."""
    return FirmForSystem(firm.staff, firm.matters, firm.groups, firm.walls, firm.channels, system=system)


def is_system_name(name: str) -> bool:
    """Whether a system can be called so: small letters, digits and hyphens, at most 40."""
    return _NAME.fullmatch(name) is not None


def system_id(name: str) -> str:
    """What a system that acts as itself is called where a staff id stands for a person."""
    return f"{_PREFIX}{name}"


def system_called(acting: str) -> str:
    """The system with this id, in words; empty for what is no id of a system."""
    name = acting.removeprefix(_PREFIX)
    return f"the system {name}" if acting.startswith(_PREFIX) and is_system_name(name) else ""
