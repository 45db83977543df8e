"""What browsers and other systems see of the bridge."""

from __future__ import annotations

import re

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from bridge.settings.values import Name, Network, Port, Section

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")
"""What stands in a content policy: no path, no star, nothing that would end it."""


class PanelSettings(Section):
    """The panel: conversations, files and people in a browser (P1)."""

    url: str = Field(
        "",
        description="The address at which staff open the panel, such as https://panel.example.com; empty for no panel."
        " Browsers keep its sessions only where it begins with https:// or is on localhost.",
    )
    listen_host: str = Field("127.0.0.1", description="The address the panel listens on.")
    listen_port: Port = Field(9010, description="The port the panel listens on.")
    client: str = Field(
        "https://matrix.to/#/",
        description="What stands before a room's id in links that open it in the firm's client, such as"
        " https://chat.example.com/#/room/.",
    )
    widget: tuple[str, ...] = Field(
        (),
        description="The addresses of the firm's clients, such as https://chat.example.com, that show the panel's page"
        " of a conversation beside its messages, as a widget. Empty for no widgets.",
    )

    @field_validator("widget")
    @classmethod
    def _are_origins(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        for one in given:
            if not _ORIGIN.fullmatch(one):
                raise PydanticCustomError(
                    "origin",
                    "'{one}' is no address of a client. Write it with https:// and without anything behind the name,"
                    " such as https://chat.example.com",
                    {"one": one},
                )
        return given


class SignOnSettings(Section):
    """The firm's single sign-on (OpenID Connect), as a second way into the panel beside the bot's link (P4)."""

    issuer: str = Field(
        "",
        description="The provider's issuer, exactly as it writes it, such as"
        " https://login.microsoftonline.com/TENANT/v2.0; empty for no single sign-on.",
    )
    name: Name = Field("your firm account", description="What staff call it, behind *Sign in with*.")
    client_id: str = Field("", description="The id that the provider gave the panel.")
    client_secret_file: str = Field(
        "",
        description="A file with the secret that the provider gave the panel, which only the bridge's user may read;"
        " empty where it gave none. It is read at each sign-in, so a new secret needs no restart.",
    )
    scopes: tuple[str, ...] = Field(("openid", "email"), description="What the provider is asked for.")
    claim: Name = Field(
        "email",
        description="By what the provider names a person: email is their e-mail address in the directory, which the"
        " provider must have verified (email_verified); anything else, such as sub or oid, is their subject in"
        " external_ids there.",
    )
    directory_provider: str = Field(
        "",
        description="The provider's id in external_ids of the directory. Needed where claim is not email.",
    )


class WebhookSettings(Section):
    """Webhooks: where systems may have themselves told what happens (A3)."""

    allowed_networks: tuple[Network, ...] = Field(
        (),
        description="Private networks that webhooks may go to, such as 10.0.3.0/24, also without https://. Empty: only"
        " to public addresses, with https://.",
    )
