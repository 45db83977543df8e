"""What somebody typed: a message's text with its mention pills written as user ids."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*)([^<>]*)>")
"""One tag. It cannot run into the next, so that reading takes no longer than the text is long, whatever it holds."""
_HREF = re.compile(r"""\bhref=(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE)
_PILL = re.compile(r"https://matrix\.to/#/((?:@|%40)[^?/]+)|matrix:u/([^?/]+)")
_QUOTE = re.compile(r"\A(?:>[^\n]*\n)+\n?")
"""How older clients quote the message that is replied to (specification: fallbacks for rich replies)."""
_NEW_LINE = frozenset({"br", "p", "li"})


def typed_text(content: Mapping[str, Any]) -> str:
    """The message as it was typed; empty for what is no plain text message, for edits and for notices.

    Clients put a display name into the plain body where a person was mentioned, and the id into the HTML; so the HTML
    is read where it has a mention. What a reply quotes of another message was not typed.
    """
    relation = content.get("m.relates_to")
    replaced = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    body = content.get("body")
    if content.get("msgtype") != "m.text" or replaced or not isinstance(body, str):
        return ""
    if isinstance(relation, dict) and "m.in_reply_to" in relation:
        body = _QUOTE.sub("", body)
    formatted = content.get("formatted_body")
    if isinstance(formatted, str) and content.get("format") == "org.matrix.custom.html":
        text, pills = _read(formatted)
        if pills:
            body = text
    return body.strip()


def _read(formatted: str) -> tuple[str, int]:
    """The text of a formatted body, with mentions as user ids and without the quoted message of a reply; and how
    many mentions there were."""
    parts: list[str] = []
    pills = 0
    inside_pill = False
    inside_reply = False
    at = 0
    for tag in _TAG.finditer(formatted):
        if not inside_pill and not inside_reply:
            parts.append(html.unescape(formatted[at : tag.start()]))
        at = tag.end()
        closing, name = bool(tag[1]), tag[2].lower()
        if name == "mx-reply":
            inside_reply = not closing
        elif name == "a":
            mentioned = None if closing or inside_reply else _mentioned(tag[3])
            inside_pill = mentioned is not None
            if mentioned:
                parts.append(f" {mentioned} ")
                pills += 1
        elif name in _NEW_LINE and not closing:
            parts.append("\n")
    if not inside_pill and not inside_reply:
        parts.append(html.unescape(formatted[at:]))
    return "".join(parts), pills


def _mentioned(attributes: str) -> str | None:
    """The user id that a link's attributes lead to; None where they lead elsewhere."""
    href = _HREF.search(attributes)
    pill = _PILL.match(html.unescape(href[1] or href[2] or href[3] or "")) if href else None
    return unquote(pill[1] or "@" + pill[2]) if pill else None
