"""Files as the guard sees them: the messages that carry them, and their bytes as they are uploaded (V4)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from bridge.firm.facts import Facts
from bridge.firm.files.bytes import HEAD_BYTES
from bridge.firm.files.carried import FILE_MESSAGES
from bridge.firm.files.rules import judge_bytes, judge_message, judge_size
from bridge.firm.policy import Decision
from bridge.guard.gate import Denial

UNLISTED = Denial(
    "V3",
    "This has a file or picture in it in a form that the firm cannot list. Send it as an ordinary file or picture.",
)
UNREADABLE = Denial(
    "V3", "Your client encrypted this. The firm's conversations take nothing encrypted: write from another client."
)


def carries_file(content: Mapping[str, Any]) -> bool:
    """Whether a message must be looked at. Asked for every message, so it costs two look-ups for one without a file."""
    return content.get("msgtype") in FILE_MESSAGES or content.get("m.new_content") is not None


def message_refusal(content: Mapping[str, Any], facts: Facts | None) -> Denial | None:
    """Why a message in a room of the firm is refused. Without `facts` no rules are known, and writing goes on."""
    rules = facts.file_rules if facts is not None else None
    return None if rules is None else _refusal(judge_message(content, rules))


def size_refusal(size: int, facts: Facts | None) -> Denial | None:
    """Why an upload of so many bytes is refused before they are taken."""
    rules = facts.file_rules if facts is not None else None
    return None if rules is None else _refusal(judge_size(size, rules))


def bytes_refusal(path: str, facts: Facts | None) -> Denial | None:
    """Why an upload is refused by its first bytes. Reads the file. Raises OSError."""
    rules = facts.file_rules if facts is not None else None
    if rules is None:
        return None
    with Path(path).open("rb") as file:
        return _refusal(judge_bytes(file.read(HEAD_BYTES), rules))


def _refusal(decision: Decision) -> Denial | None:
    return None if decision else Denial(decision.rule, decision.reason)
