"""Whether clients find, at the firm's own name, what Synapse has to tell them before the first login."""

from __future__ import annotations

import ipaddress

import aiohttp
import orjson

from bridge.check.finding import Finding, Verdict
from bridge.settings import Settings

_NAME = ".well-known"
_SECONDS = 10.0
_LARGEST = 65_536
"""Bytes that are read of an answer, which is a few lines."""


def url_of(server_name: str) -> str:
    """Where clients look (Matrix specification, client-server API, well-known URI): not at Synapse, but at the name."""
    return f"https://{server_name}/.well-known/matrix/client"


async def well_known_findings(settings: Settings) -> list[Finding]:
    """What clients are told at the server's name; nothing where it is a machine's own name, which nobody can serve."""
    name = settings.homeserver.server_name
    if _is_local(name):
        return []
    try:
        timeout = aiohttp.ClientTimeout(total=_SECONDS)
        # Unlike the homeserver's API, this one follows redirects, as clients do.
        async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url_of(name)) as answer:
            raw = await answer.content.read(_LARGEST)
            return [judge_well_known(settings, raw if answer.status == 200 else f"answer {answer.status}")]
    except (aiohttp.ClientError, TimeoutError) as error:
        return [judge_well_known(settings, str(error) or "no answer in time")]


def judge_well_known(settings: Settings, said: bytes | str) -> Finding:
    """What an answer's body means, or the reason why there is none. Pure."""
    url = url_of(settings.homeserver.server_name)
    if isinstance(said, str):
        what = f"Nothing is served at {url}, seen from here: {said}."
        return Finding(_NAME, Verdict.WARNING, what, _remedy(url))
    try:
        body = orjson.loads(said)
        address, encryption = body["m.homeserver"]["base_url"], body["io.element.e2ee"]["force_disable"]
    except (ValueError, KeyError, TypeError):
        what = f"What is served at {url} does not name the homeserver, or does not say that encryption is off."
        return Finding(_NAME, Verdict.WARNING, what, _remedy(url))
    if encryption is not True:
        return Finding(_NAME, Verdict.WARNING, f"{url} does not say that encryption is off.", _remedy(url))
    return Finding(_NAME, Verdict.OK, f"{url} leads clients to {address}, and tells them not to offer encryption.")


def _remedy(url: str) -> str:
    return (
        "Clients look there, and not at Synapse's own address. Until it answers, a Matrix id alone does not lead them"
        " to the server, and Element sets up encryption keys at the first login and asks to verify all later sessions."
        f" So before anybody logs in, let whatever answers at {url} pass that one path on to Synapse, which serves it"
        " once public_baseurl and extra_well_known_client_content are set (docs/admin-guide.md, No end-to-end"
        " encryption)."
    )


def _is_local(server_name: str) -> bool:
    host = server_name.rpartition(":")[0] if server_name.rpartition(":")[2].isdecimal() else server_name
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
