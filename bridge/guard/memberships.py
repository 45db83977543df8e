"""What a membership may say besides itself: nothing that anybody wrote, where nobody writes (C1, M4). Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType
from typing import Any

_ITSELF: Mapping[str, tuple[type, ...]] = {
    "membership": (str,),
    "displayname": (str, NoneType),
    "avatar_url": (str, NoneType),
    "is_direct": (bool,),
    "join_authorised_via_users_server": (str,),
}
"""What a membership has by the specification, but for its reason, and for what belongs to invitations by e-mail, which
nobody sends. Of these texts Synapse takes none from clients: names come from profiles (allow_per_room_profiles)."""


def without_words(content: Mapping[str, Any], *, read_only: bool) -> dict[str, Any] | None:
    """The membership without keys of a client's own, and without a reason where the room is read-only.

    None where there is nothing to leave out. Leaving and being let in are never refused for what is said with them.
    """
    kept = _ITSELF if read_only else {**_ITSELF, "reason": (str,)}
    bare = {key: value for key, value in content.items() if isinstance(value, kept.get(key, ()))}
    return None if bare.keys() == content.keys() else bare
