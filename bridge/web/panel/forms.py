"""What a form of the panel has in it, and how what it asked for is told to have been refused (P2)."""

from __future__ import annotations

import hashlib
import re

from aiohttp import web
from multidict import MultiDictProxy

from bridge.firm.model import Staff
from bridge.refusal import CommandError, Kind, Refusal
from bridge.web.panel.pages import PanelRequest
from bridge.web.panel.safety import FORM_TOKEN
from bridge.wording.markdown import plain
from bridge.wording.refusals import worded

Form = MultiDictProxy[str | bytes | bytearray | web.FileField]
_ONCE = re.compile(r"[0-9a-f]{16}")
_TEXT_MAX = 5000
"""Characters of a field: more than any may have, so that it is the operation that says so."""
_MANY_MAX = 5000


def text_in(form: Form, name: str) -> str:
    """What was typed into a field; empty where it is not there."""
    given = form.get(name, "")
    return given.replace("\0", "")[:_TEXT_MAX] if isinstance(given, str) else ""


def texts_in(form: Form, name: str) -> list[str]:
    """What was ticked of several."""
    return [one for one in form.getall(name, ()) if isinstance(one, str)][:_MANY_MAX]


def people_in(asked: PanelRequest, form: Form, name: str = "person") -> dict[str, Staff]:
    """Who is named in a form, by staff id, also who has left since; whom the directory has not is nobody."""
    staff = asked.desk.firm().staff
    return {one: staff[one] for one in texts_in(form, name) if one in staff}


def ticked_here(asked: PanelRequest, form: Form) -> list[Staff]:
    """Who was ticked. Raises Refusal where one of them works here no more: without them it would be something else."""
    firm = asked.desk.firm()
    for one in texts_in(form, "person"):
        if one not in firm.active_staff:
            person = firm.staff[one].name if one in firm.staff else "Somebody whom you ticked"
            raise Refusal(Kind.HAS_LEFT, person=person)
    return list(people_in(asked, form).values())


def cause_of(asked: PanelRequest, form: Form) -> str:
    """What makes a form that is sent twice happen once, and another one filled in on the same page not the same.

    Raises HTTPBadRequest for a form that is none of ours.
    """
    once = text_in(form, "once")
    if not _ONCE.fullmatch(once):
        raise web.HTTPBadRequest
    fields = sorted((name, str(value)) for name, value in form.items() if name != FORM_TOKEN)
    said = hashlib.sha256(repr((asked.request.path, fields)).encode("utf-8", "replace")).hexdigest()[:16]
    return f"panel/{asked.person.id}/{once}/{said}"


def said(error: Refusal | CommandError) -> str:
    """A refusal in the bot's words, without markup."""
    return plain(worded(error))


def there(address: str) -> web.Response:
    """Show a page after something was done, so that loading it again does nothing."""
    return web.Response(status=303, headers={"Location": address})
