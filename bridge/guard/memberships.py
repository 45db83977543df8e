"""What a membership may say besides itself: nothing that anybody wrote, where nobody writes (C1, M4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_ITSELF = frozenset(
    {"membership", "displayname", "avatar_url", "is_direct", "join_authorised_via_users_server", "third_party_invite"}
)
"""What a membership has by the specification, but for its reason."""


def without_words(content: Mapping[str, Any], *, read_only: bool) -> dict[str, Any] | None:
    """The membership without keys of a client's own, and without a reason where the room is read-only.

    None where there is nothing to leave out. Leaving and being let in are never refused for what is said with them.
    """
    kept = _ITSELF if read_only else _ITSELF | {"reason"}
    return None if content.keys() <= kept else {key: value for key, value in content.items() if key in kept}
