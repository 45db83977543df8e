"""The firm's own choices, about its people and its conversations."""

from __future__ import annotations

from datetime import time
from typing import Literal

from pydantic import Field

from bridge.settings.values import Name, Section, TimeOfDay


class FirmSettings(Section):
    """The firm's own choices."""

    name: Name = Field("The Firm", description="The name of the staff space.")
    admin_roles: tuple[str, ...] = Field(
        ("Owner", "Practice Manager", "IT"), description="Roles in the directory whose holders are firm admins."
    )
    timezone: str = Field("UTC", description="The firm's time zone, which decides on what day a wall begins or ends.")
    date_format: Literal["2026-12-31", "31/12/2026", "12/31/2026", "31.12.2026", "31 Dec 2026", "Dec 31, 2026"] = Field(
        "2026-12-31", description="How the bot writes a day, shown by the last day of 2026."
    )
    firm_wide_channel: Name = Field("Everyone", description="The channel that every active staff member is in (C4).")
    walled_are_told: Literal["reference", "memo", "matter"] = Field(
        "reference",
        description="What people behind a wall set by command are told of it in their chat with the bot: that there is"
        " one and its reference, the memo too, or also the matter or client.",
    )
    admins_room: str = Field(
        "Admins",
        description="The name of the room in which firm admins are told what somebody changed behind the bridge's back"
        " (O3) and who is refused again and again (O1); empty for none.",
    )
    first_matter_conversation: Literal["open", "on_demand"] = Field(
        "open",
        description="Whether each open matter gets its first conversation at once, or when somebody starts one.",
    )
    first_matter_conversation_title: Name = Field("General", description="The title of a matter's first conversation.")


class AccountSettings(Section):
    """The Matrix accounts of the staff."""

    localpart_template: str = Field(
        "{email}",
        description="How a localpart is made: {email} is the part before the @, and {first}, {last}, {initials}, {id}"
        " are the person's. A localpart never changes once given.",
    )
    avatars: bool = Field(
        True,
        description="Whether accounts, rooms and the bot get pictures: initials, or a matter's number, on a colour.",
    )


class DriftSettings(Section):
    """The full check of every room for what somebody changed behind the bridge's back (O3)."""

    check_time: TimeOfDay = Field(
        "03:00", description="When the day's check begins, as hours and minutes in the firm's time zone."
    )
    rooms_per_second: float = Field(10.0, gt=0, le=1000, description="How many rooms it looks at in a second, at most.")

    @property
    def check_at(self) -> time:
        """The time of day at which the check begins."""
        return time.fromisoformat(self.check_time)


class CareSettings(Section):
    """What the bridge looks after by itself."""

    archive_empty_days: int = Field(
        30,
        ge=0,
        le=3650,
        description="Days after which a channel that nobody is in is archived, with a notice in it and to whoever made"
        " it; 0 for never.",
    )
    digest: bool = Field(
        False,
        description="Whether staff get a message from the bot in the morning that lists the matters in which they have"
        " unread messages. Each person may do without: `!digest off`.",
    )
    digest_time: TimeOfDay = Field(
        "08:00",
        description="When the digest is sent, from Monday to Friday, as hours and minutes in the firm's time zone.",
    )

    @property
    def digest_at(self) -> time:
        """The time of day at which the digest is sent."""
        return time.fromisoformat(self.digest_time)


class PinSettings(Section):
    """Pinned messages."""

    who: Literal["participants", "firm_admins"] = Field(
        "participants",
        description="Who pins and unpins in matter conversations and channels: everybody who is in them, or the firm"
        " admins among them. In direct conversations it is always everybody.",
    )
    announce: bool = Field(
        False, description="Whether the bot says in a matter conversation or channel that somebody pinned a message."
    )
