"""The registration: the file that tells the homeserver about the bridge, and the bridge's namespaces.

Specification: Application Service API, "Registration".
"""

from __future__ import annotations

import re
from typing import Any

import yaml

from bridge.settings import APPSERVICE_ID, Settings

_HEADING = """\
# The registration of the bridge, made from its configuration. It contains secrets: only Synapse may read it.
# Name this file in homeserver.yaml under app_service_config_files, then restart Synapse.
"""


def registration(settings: Settings) -> dict[str, Any]:
    """The registration as the specification describes it. Contains both tokens.

    Every local user is in the namespace, so that the bridge hears of every room of the firm and can act as its staff;
    not exclusively, because a person may have an account that the bridge did not make. Every alias is the bridge's
    alone, so that nobody else gives a room an address. No limits apply to what the bridge does.
    """
    server = re.escape(settings.homeserver.server_name)
    service = settings.appservice
    return {
        "id": APPSERVICE_ID,
        "url": service.url,
        "as_token": service.as_token.get_secret_value(),
        "hs_token": service.hs_token.get_secret_value(),
        "sender_localpart": service.sender_localpart,
        "namespaces": {
            "users": [{"exclusive": False, "regex": f"^@.*:{server}$"}],
            "aliases": [{"exclusive": True, "regex": f"^#.*:{server}$"}],
            "rooms": [],
        },
        "rate_limited": False,
        # Receipts: who has read up to where (P5).
        "receive_ephemeral": True,
    }


def registration_yaml(settings: Settings) -> str:
    """The registration as the file that Synapse reads. Contains both tokens."""
    return _HEADING + yaml.safe_dump(registration(settings), sort_keys=False)
