"""The bot's replies: short Markdown, sent as HTML with a plain text that reads well without it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import Any
from urllib.parse import quote

import nh3
import orjson
from markdown_it import MarkdownIt

from bridge.firm.text.directions import apart
from bridge.mapping.marks import as_typed
from bridge.mapping.text import MENTIONS
from bridge.wording.plain import plain_text

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")
_BEGINNING = re.compile(r"^(\d{1,9}(?=[.)])|(?=[-+=]))")
"""What begins a list or a heading at the start of a line."""
_REPEATED = 60
"""Characters of what was typed that an answer repeats."""
LARGEST = 48 * 1024
"""Bytes of a reply's content. An event has at most 65,536 with its ids, hashes and signatures (Matrix specification,
size limits)."""
_LEFT_OUT = "And {} more lines, which do not fit into one message."
_PLAIN = re.compile(r"[^\W\d_][\w .,:;?!'’()@-]*")
"""One line that Markdown leaves as it is."""
_TAGS = {"p", "strong", "em", "code", "a", "ul", "ol", "li", "br", "blockquote"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}


@cache
def _markdown() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "breaks": True})


def escape(text: str) -> str:
    """Text from elsewhere, so that it shows as it is and turns nothing round it."""
    # Most texts are plain words, and this is called for every reply.
    if text.replace(" ", "").isalnum():
        return apart(text)
    return apart(_BEGINNING.sub(r"\1\\", _SPECIAL.sub(r"\\\1", text)))


def code(text: str) -> str:
    """Text from elsewhere as something to type, whatever backticks are in it."""
    fence = "`" * (1 + max(map(len, re.findall("`+", text)), default=0))
    edge = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{edge}{text}{edge}{fence}"


def repeated(text: str) -> str:
    """What somebody typed, as far as an answer repeats it."""
    text = as_typed(text)
    return escape(text if len(text) <= _REPEATED else f"{text[:_REPEATED]}…")


def enumerated(words: Sequence[str]) -> str:
    """Words as a reader lists them: A, B and C."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def room_link(label: str, room_id: str, server_name: str) -> str:
    """A link that opens the room in any client (specification: matrix.to navigation)."""
    return f"[{escape(label)}](https://matrix.to/#/{quote(room_id, safe='!:')}?via={quote(server_name)})"


def message_link(label: str, room_id: str, event_id: str, server_name: str) -> str:
    """A link that opens the message in any client (specification: matrix.to navigation)."""
    there = f"{quote(room_id, safe='!:')}/{quote(event_id, safe='$')}"
    return f"[{escape(label)}](https://matrix.to/#/{there}?via={quote(server_name)})"


def notice(markdown: str) -> dict[str, Any]:
    """The content of a message of Markdown for a room of several: it counts as unread for nobody (m.notice).

    It mentions nobody, whoever is named in it.
    As much of it as an event holds: what does not fit is left out by whole lines, and the message says so.
    """
    return _fitting(markdown, "m.notice")


def plain(markdown: str) -> str:
    """Markdown of an answer as plain text."""
    return plain_text(_markdown().parse(markdown))


def text_message(markdown: str) -> dict[str, Any]:
    """The same for somebody's chat with the bot, or the firm admins' room: it counts as unread (m.text)."""
    return _fitting(markdown, "m.text")


def _fitting(markdown: str, kind: str) -> dict[str, Any]:
    size = LARGEST
    while len(orjson.dumps(content := _content(_shortened(markdown, size), kind))) > LARGEST:
        size = size * 2 // 3
    return content


def _shortened(markdown: str, size: int) -> str:
    """The first whole lines of a reply that have no more bytes than this, and a line that says how many more there are.

    A first line that is longer by itself is cut.
    """
    if len(markdown.encode()) <= size:
        return markdown
    kept, left, lines = [], size, markdown.split("\n")
    for line in lines:
        left -= len(line.encode()) + 1
        if left < 0:
            break
        kept.append(line)
    text = "\n".join(kept) or markdown.encode()[: size - 4].decode(errors="ignore") + "…"
    missing = sum(bool(line.strip()) for line in lines[len(kept) :])
    return f"{text}\n\n{_LEFT_OUT.format(missing)}" if kept else text


def _content(markdown: str, kind: str) -> dict[str, Any]:
    if "_" not in markdown and _PLAIN.fullmatch(markdown):
        return {"msgtype": kind, "body": markdown, MENTIONS: {}}
    tokens = _markdown().parse(markdown)
    body = plain_text(tokens)
    rendered = _markdown().renderer.render(tokens, _markdown().options, {}).strip()
    html = nh3.clean(rendered, tags=_TAGS, attributes=_ATTRIBUTES, link_rel=None)
    content: dict[str, Any] = {"msgtype": kind, "body": body, MENTIONS: {}}
    if html != f"<p>{body}</p>":
        content |= {"format": "org.matrix.custom.html", "formatted_body": html}
    return content
