"""The person's morning digest."""

from __future__ import annotations

from bridge.operations.digest import choose_digest, digest_wanted
from bridge.operations.tokens import Scope
from bridge.web.api import reports
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import Given, do, get


class DigestWanted(Given):
    """Whether the person wants it."""

    wanted: bool


async def digest(call: ApiCall) -> reports.DigestJson:
    """Whether the person wants the morning digest, which lists matters with unread messages."""
    wanted = await digest_wanted(call.desk, call.person)
    return reports.DigestJson(wanted=wanted, sent=call.desk.settings.care.digest)


async def choose(call: ApiCall) -> reports.DigestJson:
    """Have the morning digest sent to the person, or not. It is kept in mind also where the firm has none."""
    await choose_digest(call.desk, call.person, wanted=call.asked(DigestWanted).wanted)
    return await digest(call)


ROUTES = (
    get("digest.get", path="/digest", scope=Scope.CONVERSATIONS, run=digest, answer=reports.DigestJson),
    do(
        "digest.choose",
        "PUT",
        path="/digest",
        scope=Scope.CHANGE_CONVERSATIONS,
        run=choose,
        answer=reports.DigestJson,
        body=DigestWanted,
    ),
)
