"""Channels, as they are typed, and what becomes of them."""

from __future__ import annotations

from bridge.mapping.marks import has_marked
from bridge.settings import Settings
from bridge.wording.markdown import escape


def typeable(title: str) -> str:
    """A channel's name as it can be typed behind a command: in quotation marks where some of it looks like a person."""
    return f'"{title}"' if has_marked(title) and '"' not in title else title


def archived_again(settings: Settings) -> str:
    """What becomes of a channel that is opened again and nobody joins; empty where the bridge archives none."""
    days = settings.care.archive_empty_days
    after = "1 day" if days == 1 else f"{days} days"
    return f"If nobody joins, it is archived again after {after}." if days else ""


def nobody_in_it(settings: Settings) -> str:
    """What is said of a channel that is opened again and has nobody in it."""
    return f"Nobody is in it. {archived_again(settings)}".rstrip()


def is_a_channel(title: str) -> str:
    """What the maker of a channel is told who asked for a room in their client."""
    return (
        f"Your new room **{escape(title)}** is a channel of the firm: everybody in the firm can find it, join it"
        " and read it. To talk with some colleagues only, write `!dm` and their names."
    )
