"""Whether the admin API answers about files: a proxy in front, or a media worker, may have it go where nobody knows."""

from __future__ import annotations

from bridge.check.finding import Finding, Verdict
from bridge.check.http import Reply
from bridge.check.scene import ADMIN, Scene

_NOBODYS = "firm-bridge-check"
"""No file has this id."""


async def media_finding(scene: Scene) -> Finding:
    """Ask about a file that there is not, as the bot, which is a server admin."""
    server = scene.settings.homeserver.server_name
    return judge_media(await scene.as_bot("GET", f"{ADMIN}/v1/media/{server}/{_NOBODYS}"))


def judge_media(reply: Reply) -> Finding:
    """What the answer means: that there is no such file says who knows of files. Pure."""
    if reply.errcode == "M_NOT_FOUND":
        return Finding(
            "admin API for files", Verdict.OK, "It answers, so a program that somebody sends is quarantined."
        )
    what = (
        "The homeserver's admin API does not answer about files at homeserver.url, so the bridge cannot quarantine a"
        f" program that somebody sends, nor see what it is: {reply.error}"
    )
    return Finding(
        "admin API for files",
        Verdict.MISSING,
        what,
        "Let the proxy pass /_synapse/admin/v1/media from the bridge: to the media worker where there is one, else to"
        " the main process (docs/admin-guide.md, Synapse with workers). Or let homeserver.url name Synapse itself.",
    )
