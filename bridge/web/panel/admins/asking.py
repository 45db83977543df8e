"""What all pages for firm admins have in common: who may ask, that it is noted, and long lists page by page (O1)."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Concatenate, Final, ParamSpec, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from bridge.operations.noting import note_refused, note_use
from bridge.operations.sight import sight_of
from bridge.refusal import Refusal
from bridge.web.panel.pages import PanelRequest, framed

PAGE: Final = 100
"""Lines of a list."""
T = TypeVar("T")
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


def paged(asked: PanelRequest, rows: Sequence[T], **query: str) -> tuple[Sequence[T], str]:
    """The part of a list that is asked for, and where the next one is; empty at the end."""
    typed = asked.query("from")
    start = int(typed) if typed.isdecimal() and len(typed) < 10 else 0
    following = f"?{urlencode({**query, 'from': str(start + PAGE)})}" if len(rows) > start + PAGE else ""
    return rows[start : start + PAGE], following
