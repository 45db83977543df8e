"""How the bridge and the directory stand, for firm admins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from aiohttp import web

from bridge.operations.admins.directory import directory_status, directory_to_take_back, foresee_directory
from bridge.web.panel.admins.asking import for_admins, noted
from bridge.web.panel.pages import PanelRequest, framed
from bridge.wording.directory import status_text
from bridge.wording.markdown import plain

Health = Callable[[], Mapping[str, str]]
HEALTH: Final[web.AppKey[Health]] = web.AppKey("health")
_CHECKS: Final = {
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
    "directory": "The directory can be read",
}


@for_admins("directory status")
async def overview(asked: PanelRequest) -> web.StreamResponse:
    """How the bridge and the directory stand, and a change of the directory that waits to be confirmed."""
    await noted(asked, "directory status")
    found = await foresee_directory(asked.desk, asked.person)
    checks = asked.request.app[HEALTH]()
    return await framed(
        asked,
        "admins/overview",
        "How things stand",
        "admin",
        checks=[(_CHECKS.get(name, name), trouble) for name, trouble in checks.items()],
        well=not any(checks.values()),
        directory=plain(status_text(await directory_status(asked.desk, asked.person))),
        to_take_back=await directory_to_take_back(asked.desk, asked.person),
        fingerprint="" if found is None else found.fingerprint,
        effects=[] if found is None else [(one.what, "; ".join(one.becomes)) for one in found.effects],
    )
