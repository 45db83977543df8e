"""Channels, as they are typed, and what becomes of them."""

from __future__ import annotations

from bridge.mapping.marks import has_marked
from bridge.settings import Settings


def typeable(title: str) -> str:
    """A channel's name as it can be typed behind a command: in quotation marks where some of it looks like a person."""
    return f'"{title}"' if has_marked(title) and '"' not in title else title


def archived_again(settings: Settings) -> str:
    """What becomes of a channel that is opened again and nobody joins; empty where the bridge archives none."""
    days = settings.care.archive_empty_days
    after = "1 day" if days == 1 else f"{days} days"
    return f"If nobody joins, it is archived again after {after}." if days else ""
