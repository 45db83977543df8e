"""Signing in to the panel by the firm's single sign-on: whom of the directory the provider names (P4).

What the provider says is proven before (bridge/oidc/). Here it is only a name: the directory decides who that is, and
whether they work here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import structlog

from bridge.desk import Desk
from bridge.firm.model import Firm, Staff
from bridge.firm.policy import may_act
from bridge.operations.panel import begin_session
from bridge.refusal import Kind, Refusal
from bridge.settings import SignOnSettings

log = structlog.get_logger(__name__)


async def sign_on(desk: Desk, claims: Mapping[str, Any], nonce: str, browser: str) -> str:
    """Begin a session for whom these claims name, once for this nonce. Its token. Raises Refusal."""
    firm, settings = desk.firm(), desk.settings.sign_on
    if settings.claim == "email" and claims.get("email_verified") is not True:
        log.warning("sign_on_refused", why="the provider has not verified the e-mail address")
        raise Refusal(Kind.SIGN_ON_NOT_VERIFIED)
    found = people_named(firm, settings, claims.get(settings.claim))
    acting = [one for one in found if may_act(firm, one.id)]
    if len(found) != 1 or not acting:
        # In the same words for all of them: whoever has left learns nothing of what the directory has.
        why = (
            "it names several people"
            if len(found) > 1
            else "they do not work here"
            if found
            else "nobody is known by it"
        )
        log.warning("sign_on_refused", why=why, staff=[one.id for one in found])
        raise Refusal(Kind.SIGN_ON_UNKNOWN)
    session = await begin_session(desk, acting[0], nonce, browser)
    if session is None:
        log.warning("sign_on_refused", why="the attempt was used before", staff=[acting[0].id])
        raise Refusal(Kind.SIGN_ON_USED)
    return session


def people_named(firm: Firm, settings: SignOnSettings, value: object) -> list[Staff]:
    """Everybody in the directory, gone or not, who is known by this value of the claim."""
    if not isinstance(value, str) or not value:
        return []
    if settings.claim == "email":
        wanted = _address(value)
        return [one for one in firm.staff.values() if one.email and _address(one.email) == wanted]
    identity = (settings.directory_provider, value)
    return [one for one in firm.staff.values() if identity in one.external_ids]


def _address(email: str) -> str:
    """An address to compare. Capitals make no difference in ASCII alone: elsewhere two addresses would become one."""
    return email.lower() if email.isascii() else email
