"""How somebody comes to see a matter, in words. Plain text."""

from __future__ import annotations

from collections.abc import Sequence

from bridge.firm.text.directions import apart


def way_in_words(way: str, roles: Sequence[str], groups: Sequence[str]) -> str:
    """The way, with the roles or the groups that it leads through."""
    if roles:
        return f"{way} ({', '.join(roles)})"
    return f"{way} (through the group {', in it '.join(map(apart, groups))})" if groups else way
