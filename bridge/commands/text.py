"""What somebody typed: a message's text with its mention pills written as user ids."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html.parser import HTMLParser
from typing import Any
from urllib.parse import unquote

_PILL = re.compile(r"https://matrix\.to/#/(@[^?/]+)|matrix:u/([^?/]+)")
_MAX_TYPED = 4000
"""Characters of a message that are read as a command."""


def typed_text(content: Mapping[str, Any]) -> str:
    """The message as one line of typing; empty for what is no plain text message, for edits and for notices.

    Clients put a display name into the plain body where a person was mentioned, and the id into the HTML; so the HTML
    is read where it has a mention.
    """
    relation = content.get("m.relates_to")
    replaced = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    body = content.get("body")
    if content.get("msgtype") != "m.text" or replaced or not isinstance(body, str):
        return ""
    formatted = content.get("formatted_body")
    if isinstance(formatted, str) and content.get("format") == "org.matrix.custom.html":
        reader = _Reader()
        reader.feed(formatted[: 4 * _MAX_TYPED])
        reader.close()
        if reader.pills:
            body = reader.text
    return body[:_MAX_TYPED].strip()


class _Reader(HTMLParser):
    """The text of a formatted body, with mentions as user ids and without the quoted message of a reply."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._inside_pill = 0
        self._inside_reply = 0
        self.pills = 0

    @property
    def text(self) -> str:
        return "".join(self._parts)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "mx-reply":
            self._inside_reply += 1
        elif tag == "a":
            pill = _PILL.match(dict(attrs).get("href") or "")
            if pill and not self._inside_reply:
                self._parts.append(f" {unquote(pill[1] or '@' + pill[2])} ")
                self.pills += 1
                self._inside_pill += 1
        elif tag in {"br", "p", "li"}:
            self._parts.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag == "mx-reply":
            self._inside_reply -= 1
        elif tag == "a" and self._inside_pill:
            self._inside_pill -= 1

    def handle_data(self, data: str) -> None:
        if not self._inside_pill and not self._inside_reply:
            self._parts.append(data)
