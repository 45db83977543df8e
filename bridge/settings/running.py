"""What the bridge itself runs on: its database, its secrets and its log."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from bridge.settings.values import EXAMPLE_SECRET, Secret, Section


class DatabaseSettings(Section):
    """Where the bridge keeps what it must not forget."""

    url: SecretStr = Field(
        SecretStr("sqlite:///bridge.db"), description="sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME."
    )
    lease: float = Field(
        10.0,
        ge=2,
        description="Seconds after which a bridge of which PostgreSQL hears nothing loses the database to one that"
        " stands by.",
    )


class BackupSettings(Section):
    """What `firm-bridge backup` keeps, where, and for whose key."""

    folder: str = Field(
        "",
        description="The folder that backups are written to, best on another disk; empty for none. Of the newest there"
        " the bridge tells the age.",
    )
    recipients: tuple[str, ...] = Field(
        (),
        description="The public keys of age (age1…) that backups are encrypted to. The secret ones stay elsewhere.",
    )
    synapse_database: SecretStr = Field(
        SecretStr(""),
        description="Synapse's database, to be backed up too: sqlite:///PATH or postgresql://USER:PASSWORD@HOST/NAME;"
        " empty where something else does that.",
    )
    synapse_files: tuple[str, ...] = Field(
        (), description="Files of Synapse's that a new machine needs too, such as homeserver.yaml and the signing key."
    )
    alarm_hours: int = Field(
        26,
        ge=0,
        description="Hours after which the newest backup in the folder is too old, which an alarm, `firm-bridge check`"
        " and a metric tell; 0 for never.",
    )


class SecuritySettings(Section):
    """Secrets of the bridge itself."""

    alias_key: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The key that makes the addresses of private rooms unguessable. Never change it.",
        validate_default=False,
    )


class LogSettings(Section):
    """What the bridge writes about its work. Message bodies and secrets never are."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least severe level written.")
    format: Literal["text", "json"] = Field("text", description="Lines for people, or JSON lines for a collector.")
