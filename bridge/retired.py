"""Settings that there were once, with what holds instead, so that a configuration from before is told what to do."""

from __future__ import annotations

from collections.abc import Mapping

RETIRED: Mapping[str, str] = {
    "appservice.id": (
        "It is always firm-bridge. If it was something else, write the registration anew with `firm-bridge"
        " registration` and restart Synapse."
    ),
    "appservice.max_body_bytes": "A request has at most 64 MiB.",
    "directory.watch_seconds": "The directory is looked at every second.",
    "directory.max_bytes": "A file of the directory has at most 64 MiB.",
    "inbox.max_waiting": "At most 10,000 events wait.",
    "inbox.max_attempts": "An event or message is tried five times.",
    "inbox.keep_days": "What was handled and sent is remembered for 14 days.",
    "care.digest_weekdays_only": "The digest is sent from Monday to Friday.",
    "pins.limit": "At most 100 messages are pinned in a conversation (V2).",
    "filing.concurrency": "Two files are fetched at once.",
    "filing.max_bytes": "Files of up to 1 GB are filed; file_rules.max_megabytes says which may be sent at all.",
}
"""By section.key."""


def retired(key: str) -> str:
    """What to say of a setting that is none any more; empty for one that never was."""
    return f"This cannot be set any more: take it out. {RETIRED[key]}" if key in RETIRED else ""
