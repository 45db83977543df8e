"""What is not known of who has read a message (P5)."""

from __future__ import annotations


def what_is_not_told(*, told: bool, in_thread: bool, anybody: bool) -> str:
    """What is to be known beside the list of those who have read up to a message: whether the homeserver tells of
    readers at all, whether the message stands in a thread, and whether anybody is listed."""
    if not told:
        return (
            "Nobody is known to have read anything yet. If it stays so, the homeserver does not tell the bridge: your"
            " firm admin can write the registration anew."
        )
    if in_thread:
        return "It stands in a thread, and many clients do not tell everybody how far somebody has read in one."
    nobody = "" if anybody else "Nobody's client says that they have read it. "
    return f"{nobody}Whoever has their client keep to itself what they read is not listed."
