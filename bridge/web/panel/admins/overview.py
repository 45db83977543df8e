"""How the bridge and the directory stand, for firm admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from bridge.operations.admins.directory import directory_status, directory_to_take_back, foresee_directory
from bridge.operations.admins.staff import IN_ROOMS
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.lists import paged
from bridge.web.panel.pages import PanelRequest, framed
from bridge.wording.directory import status_text
from bridge.wording.markdown import plain

Health = Callable[[], Mapping[str, str]]
HEALTH: Final[web.AppKey[Health]] = web.AppKey("health")
CHECKS: Final = {
    "homeserver": "The homeserver is reached",
    "shut_out": "Whoever must be out is out",
    "outbox": "What the bot says is sent",
    "inbox": "What is said and done is heard",
    "reconciled": "All rooms are as they should be",
    "clock": "The clocks agree",
    "guard": "The guard knows who may be where",
    "rooms": "No room waits to be put right",
    "database": "The database answers",
    "filing": "Files reach the filing cabinet",
    "webhooks": "Systems are told what they asked for",
    "accounts": "Whoever keeps the accounts can be reached",
    "directory": "The directory is followed",
    "sources": "Each source of the directory can be read",
    "scim": "What is pushed by SCIM is taken over",
    "sign_on": "The firm's single sign-on can be reached",
}
"""What each check of health looks at, as a firm admin reads it."""
_IN_ITS_OWN_WORDS: Final = frozenset({"clock", "filing", "directory", "scim"})
"""Checks whose sentences name no room. Those of others may name one of a matter that is hidden from the reader (M3)."""
_ON_THE_SERVER: Final = "The bridge's log and its address /health/ready on the server say why."


@for_admins("directory status")
async def overview(asked: PanelRequest) -> web.StreamResponse:
    """How the bridge and the directory stand, and a change of the directory that waits to be confirmed."""
    await noted(asked, "directory status")
    found = await foresee_directory(asked.desk, asked.person)
    checks = asked.request.app[HEALTH]()
    effects, pages = paged(asked, () if found is None else found.effects)
    return await framed(
        asked,
        "admins/overview",
        "How things stand",
        "admin",
        checks=[
            (CHECKS.get(name, name), _told(name, trouble, held=found is not None)) for name, trouble in checks.items()
        ],
        well=not any(checks.values()),
        directory=plain(status_text(await directory_status(asked.desk, asked.person))),
        to_take_back=await directory_to_take_back(asked.desk, asked.person),
        fingerprint="" if found is None else found.fingerprint,
        effects=[(one.what, "; ".join(one.becomes)) for one in effects],
        pages=pages,
    )


def _told(check: str, trouble: str, *, held: bool) -> str:
    """What is told of a check, to every firm admin the same; empty where all is well. `held` is whether a change of the
    directory waits, which the page shows above."""
    if trouble and check == "directory" and held:
        return "A change waits to be confirmed, as said above."
    if not trouble or check in _IN_ITS_OWN_WORDS:
        return trouble
    return plain(IN_ROOMS) if check == "rooms" else _ON_THE_SERVER
