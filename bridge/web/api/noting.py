"""Uses of the API in the audit log (A1): each that changes something, and of the others the first in an hour.

A system that looks every minute would else fill a log of which nothing is ever taken out.
"""

from __future__ import annotations

from typing import Literal

from bridge.clock import now_ms
from bridge.desk import Desk
from bridge.firm.audit import DRY_RUN
from bridge.firm.model import Staff
from bridge.firm.rules import CitedRule
from bridge.operations.noting import note_use_of_api
from bridge.operations.tokens import Token
from bridge.refusal import Refusal
from bridge.web.api.asking import ApiCall
from bridge.web.api.problems import AGAIN
from bridge.web.api.table import Route

_HOUR_MS = 3_600_000
_OF_PLACES = ("conversation", "matter", "wall", "any_wall")


class Noting:
    """What was noted in this hour."""

    def __init__(self) -> None:
        self._hour = 0
        self._noted: set[tuple[object, ...]] = set()

    async def used(self, desk: Desk, call: ApiCall, route: Route, *, dry: bool) -> None:
        """Note that something was shown or done."""
        person, ids = _of(call)
        if (route.writes and not dry) or self._is_first(call.token.number, route.name, dry, person, ids):
            await note_use_of_api(desk, call.person, _said(route, dry), call.cause, person=person, ids=ids)

    async def refused(
        self, desk: Desk, person: Staff, token: Token, route: Route, rule: CitedRule | Literal[""] = ""
    ) -> None:
        """Note that the token or the person may not ask for it."""
        if self._is_first(token.number, route.name, "refused"):
            await note_use_of_api(desk, person, route.name, f"api/{token.number}", rule=rule, refused=True)

    async def use_refused(self, desk: Desk, call: ApiCall, route: Route, refusal: Refusal, *, dry: bool) -> None:
        """Note that something was not shown or done. What comes about later was asked for and is being done."""
        if refusal.kind in AGAIN:
            await self.used(desk, call, route, dry=dry)
        elif (route.writes and not dry) or self._is_first(call.token.number, route.name, dry, *_of(call), refusal.kind):
            person, ids = _of(call)
            await note_use_of_api(
                desk,
                call.person,
                _said(route, dry),
                call.cause,
                person=person,
                ids=ids,
                rule=refusal.rule,
                refused=True,
            )

    def _is_first(self, *what: object) -> bool:
        hour = now_ms() // _HOUR_MS
        if hour != self._hour:
            self._hour = hour
            self._noted.clear()
        if what in self._noted:
            return False
        self._noted.add(what)
        return True


def _of(call: ApiCall) -> tuple[str, tuple[str, ...]]:
    """Whom and what a request was about, by ids."""
    parts = call.request.match_info
    return parts.get("person", ""), (*(parts[one] for one in _OF_PLACES if one in parts), *call.about)


def _said(route: Route, dry: bool) -> str:
    return f"{route.name}{DRY_RUN}" if dry else route.name
