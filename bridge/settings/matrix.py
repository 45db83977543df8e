"""How the bridge and the homeserver, with the guard in it, work together."""

from __future__ import annotations

from pydantic import Field, SecretStr

from bridge.settings.values import EXAMPLE_SECRET, Name, Port, Secret, Section

APPSERVICE_ID = "firm-bridge"
"""The application service's id in the registration."""


class HomeserverSettings(Section):
    """The firm's Synapse."""

    url: str = Field("http://127.0.0.1:8008", description="Where the bridge reaches the homeserver.")
    server_name: str = Field("localhost", description="The part after the colon in everybody's Matrix id.")
    room_version: str = Field(
        "11", description="The version of rooms the bridge makes. Older clients do not know version 12."
    )
    concurrency: int = Field(4, ge=1, le=64, description="Requests about different rooms under way at once.")
    request_timeout: float = Field(60.0, gt=0, description="Seconds before one request is given up.")
    deadline: float = Field(
        180.0, gt=0, description="Seconds after which a request is no longer repeated and counts as failed."
    )


class MasSettings(Section):
    """The Matrix Authentication Service, where Synapse leaves the accounts to one."""

    url: str = Field(
        "",
        description="Where the bridge reaches its admin API, such as http://127.0.0.1:8081; empty where Synapse keeps"
        " the accounts itself.",
    )
    client_id: str = Field("", description="The bridge's id among its clients; admin_clients must name it, too.")
    client_secret_file: str = Field(
        "",
        description="A file with the secret that belongs to it, which only the bridge's user may read. It is read anew"
        " when it is needed, so a new secret needs no restart.",
    )


class AppserviceSettings(Section):
    """How the homeserver and the bridge know each other. Must agree with the registration file."""

    as_token: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The token with which the bridge calls the homeserver.",
        validate_default=False,
    )
    hs_token: Secret = Field(
        SecretStr(EXAMPLE_SECRET),
        description="The token with which the homeserver calls the bridge.",
        validate_default=False,
    )
    sender_localpart: str = Field("_firm_bridge", description="The application service's own user. Staff never see it.")
    bot_localpart: str = Field("bot", description="The bot that staff write commands to and that owns the rooms.")
    bot_name: Name = Field("Firm Bot", description="The bot's display name.")
    url: str = Field("http://127.0.0.1:9009", description="Where the homeserver reaches the bridge.")
    listen_host: str = Field("127.0.0.1", description="The address the bridge listens on.")
    listen_port: Port = Field(9009, description="The port the bridge listens on.")


class GuardSettings(Section):
    """The guard: the module inside Synapse that refuses forbidden memberships before they happen."""

    key: SecretStr = Field(
        SecretStr(""),
        description="The key with which the bridge signs what it tells the guard; the same stands in homeserver.yaml."
        " Empty where the guard is not installed.",
    )
    tell_refusals: int = Field(
        20,
        ge=0,
        description="How often somebody must be refused within ten minutes for the firm admins to be told in their room"
        " (once a day for each person); 0 for never. All refusals are in the audit log.",
    )
