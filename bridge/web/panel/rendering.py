"""Pages from templates. Whatever people wrote is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from aiohttp import web
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bridge.firm.model import Group, Staff
from bridge.firm.text.directions import APART, apart, together
from bridge.firm.text.visible import shown
from bridge.mapping.names import matter_name
from bridge.web.panel.safety import HEADERS

_MARK = "\N{REPLACEMENT CHARACTER}"
"""What stands for a character that is not seen."""


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_seen,
    )
    environment.filters |= {"matter_name": matter_name, "lines": _lines, "labelled": _labelled, "apart": apart}
    environment.filters["part"] = part
    return environment


def part(name: str) -> str:
    """An id of the directory as one part of an address: it may have any character in it, such as 2024/17."""
    return quote(name, safe="")


def _seen(value: Any) -> Any:
    """What is put into a page, with a mark for each character that is not seen, as those that turn writing."""
    return _marked(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _marked(text: str) -> str:
    """The same of a text; names that are kept apart from their sentence stay so."""
    return "".join(map(_marked_piece, APART.split(text)))


def _marked_piece(text: str) -> str:
    inside = together(text)
    # Around anything else somebody put them, to hide that a name is another than it seems.
    if inside != text and (apart(inside) != inside or _MARK in inside):
        return apart(shown(inside))
    return shown(text)


def _lines(text: str) -> Markup:
    """What the bridge says in several lines."""
    return Markup("<br>").join(_marked(line) for line in text.splitlines())


def _labelled(one: Staff | Group) -> Markup:
    """Somebody's name and role, or a group's name."""
    soft = "a group of the directory" if isinstance(one, Group) else one.role
    if isinstance(one, Staff) and not one.active:
        soft = f"{soft} (does not work here)".lstrip()
    return Markup('<span>{} <span class="soft">{}</span></span>').format(_marked(one.name), _marked(soft))


def page(template: str, values: Mapping[str, Any], status: int = 200) -> web.Response:
    """A page."""
    text = _environment().get_template(f"{template}.html.j2").render(values)
    return web.Response(text=text, status=status, content_type="text/html", headers=HEADERS)


def message(
    heading: str, text: str, status: int, *, back: bool = False, links: Sequence[tuple[str, str]] = ()
) -> web.Response:
    """A page that says something and offers nothing else, but the way `back` for those who are signed in, and `links`:
    of each its address and what it says."""
    return page("message", {"heading": heading, "text": text, "back": back, "links": links}, status)
