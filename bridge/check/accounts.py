"""Who keeps the accounts: Synapse itself, or the Matrix Authentication Service (MAS), and whether both sides say so."""

from __future__ import annotations

import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bridge.check.finding import Finding, Verdict
from bridge.check.http import Asker, Json, asker
from bridge.matrix.accounts.bot_token import BotToken
from bridge.matrix.accounts.mas_api import MasApi
from bridge.matrix.errors import HomeserverError
from bridge.matrix.retry import patience
from bridge.settings import Settings

_NAME = "accounts"
_METADATA = "/_matrix/client/v1/auth_metadata"
_HOW = "docs/admin-guide.md, The Matrix Authentication Service"
_PATIENCE = 3.0


@dataclass(frozen=True)
class MasAccess:
    """MAS, as far as the check has to do with it."""

    api: MasApi
    bot: BotToken


@asynccontextmanager
async def keeper_of(settings: Settings) -> AsyncIterator[MasAccess | None]:
    """MAS, or None where the configuration names none."""
    if not settings.mas.url:
        yield None
        return
    api = MasApi(settings.mas, settings.homeserver)
    bot = BotToken(api, settings.bot_id)
    try:
        with patience(_PATIENCE):
            yield MasAccess(api, bot)
    finally:
        await bot.close()
        await api.close()


async def accounts_findings(asking: Asker, settings: Settings, keeper: MasAccess | None) -> AsyncIterator[Finding]:
    """Who keeps them by the homeserver and by the configuration, and what MAS allows that the rules do not."""
    reply = await asking.ask("GET", _METADATA)
    issuer = reply.body.get("issuer")
    delegated = bool(reply.ok and issuer)
    if not delegated and reply.errcode != "M_UNRECOGNIZED" and reply.status != 404:
        what = f"Synapse does not say whether it leaves the accounts to somebody: {reply.error}."
        remedy = f"If homeserver.yaml has matrix_authentication_service, see that it reaches its endpoint ({_HOW})."
        yield Finding(_NAME, Verdict.MISSING, what, remedy)
        return
    if keeper is None:
        yield _without(issuer if delegated else "")
        return
    if not delegated:
        what = "Synapse keeps the accounts itself, and the configuration has a Matrix Authentication Service."
        remedy = "Empty mas.url, or set matrix_authentication_service in homeserver.yaml and restart Synapse."
        yield Finding(_NAME, Verdict.MISSING, what, remedy)
        return
    try:
        config, version = await keeper.api.get("/site-config"), await keeper.api.get("/version")
        await keeper.bot.token()
    except HomeserverError as error:
        yield Finding(_NAME, Verdict.MISSING, str(error), f"Compare the section mas with its configuration ({_HOW}).")
        return
    if (own := await _issuer_of(settings)) not in {"", issuer}:
        what = f"mas.url leads to the issuer {own}, and Synapse leaves its accounts to {issuer}."
        yield Finding(_NAME, Verdict.MISSING, what, "Correct mas.url, or matrix_authentication_service.endpoint.")
        return
    what = (
        f"The Matrix Authentication Service {version.get('version', '')} keeps them ({issuer}), and lets the bridge in."
    )
    yield Finding(_NAME, Verdict.OK, what)
    for finding in (*judge_config(config), *_secret(settings)):
        yield finding


def _without(issuer: Any) -> Finding:
    if not issuer:
        return Finding(_NAME, Verdict.OK, "Synapse keeps the accounts itself.")
    what = f"Synapse leaves the accounts to {issuer}, of which the configuration says nothing: nobody gets an account."
    return Finding(_NAME, Verdict.MISSING, what, f"Fill in the section mas ({_HOW}).")


@dataclass(frozen=True, slots=True)
class _Allowed:
    """Something that MAS must not let people do."""

    said: str
    """As its admin API calls it."""
    yaml: str
    why: str


_MUST_NOT = (
    _Allowed(
        "password_registration_enabled",
        "account:\n  password_registration_enabled: false",
        "Anybody can make an account, which only the directory may (F1).",
    ),
    _Allowed(
        "displayname_change_allowed",
        "account:\n  displayname_change_allowed: false",
        "People can give themselves another name, which only the directory may (F3).",
    ),
    _Allowed(
        "email_change_allowed",
        "account:\n  email_change_allowed: false",
        "People can add an e-mail address of their own and reset a password by it (F3).",
    ),
    _Allowed(
        "account_deactivation_allowed",
        "account:\n  account_deactivation_allowed: false",
        "People can end their own accounts, which the directory says when (F2).",
    ),
)


def judge_config(config: Json) -> Iterator[Finding]:
    """What MAS's own settings mean for the rules. Pure."""
    for one in _MUST_NOT:
        if config.get(one.said) is False:
            yield Finding(f"mas {one.said}", Verdict.OK, "Not allowed.")
        else:
            remedy = f"In the configuration of the Matrix Authentication Service, then restart it:\n{one.yaml}"
            yield Finding(f"mas {one.said}", Verdict.MISSING, one.why, remedy)


async def _issuer_of(settings: Settings) -> str:
    """The issuer behind mas.url; empty where it does not say, as an internal listener need not."""
    async with asker(settings.mas.url) as asking:
        reply = await asking.ask("GET", "/.well-known/openid-configuration")
    return str(reply.body.get("issuer", "")) if reply.ok else ""


def _secret(settings: Settings) -> Iterator[Finding]:
    """Whether others than its owner may read the secret."""
    file = Path(settings.mas.client_secret_file)
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & 0o077:
        what = f"Others than its owner have rights to {file} (mode {mode:04o}), with which all accounts can be changed."
        yield Finding("mas secret", Verdict.WARNING, what, f"chmod 600 {file}")
