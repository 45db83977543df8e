"""What the doctor finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any


class Verdict(StrEnum):
    """How a thing stands."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    UNSEEN = "unseen"
    """It could not be looked at."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    state: Verdict
    what: str
    """What was seen, as a sentence."""
    remedy: str = ""
    """What to do, where something is to be done. Lines of YAML stand on lines of their own."""
    yaml: str = ""
    """Lines that homeserver.yaml lacks, which stand in the remedy as well: all of them together can be pasted."""

    def as_json(self) -> dict[str, Any]:
        """The finding for programs."""
        return asdict(self)
