"""What all pages for firm admins have in common: who may ask, and that it is noted (O1)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, ParamSpec

from aiohttp import web

from bridge.operations.noting import note_refused, note_use
from bridge.operations.sight import sight_of
from bridge.refusal import Refusal
from bridge.web.panel.pages import PanelRequest, framed

P = ParamSpec("P")
_Answers = Callable[Concatenate[PanelRequest, P], Awaitable[web.StreamResponse]]


def for_admins(what: str) -> Callable[[_Answers[P]], _Answers[P]]:
    """A page for firm admins, or what is done with a form of one. `what` is the command that asks for the same; it is
    noted what is refused, as to whoever else asks (O1)."""

    def wrapped(answer: _Answers[P]) -> _Answers[P]:
        async def answered(asked: PanelRequest, /, *form: P.args, **more: P.kwargs) -> web.StreamResponse:
            try:
                sight_of(asked.desk, asked.person)
                # These pages do not change by themselves: each use is noted, and to leave one open is one use.
                if asked.refreshes and not form:
                    return await framed(asked, "frame", "")
                return await answer(asked, *form, **more)
            except Refusal as error:
                await note_refused(asked.desk, asked.person, what, error.rule, cause(asked))
                raise

        # The page of endpoints is made from what handlers say of themselves.
        answered.__doc__ = answer.__doc__
        return answered

    return wrapped


def cause(asked: PanelRequest) -> str:
    """What the audit log has as the cause of a page that was asked for."""
    return f"panel/{asked.person.id}/{secrets.token_hex(8)}"


async def noted(asked: PanelRequest, what: str, *, person: str = "", about: str = "", ids: Sequence[str] = ()) -> None:
    """Note the use of a page in the audit log."""
    await note_use(asked.desk, asked.person, what, cause(asked), person=person, about=about, ids=ids)
