"""What somebody typed: a message's plain text, in which is marked whom and what it points to.

Clients put a display name into the plain body where a person was mentioned, and the id into the HTML. So people and
rooms are read from the HTML, and every other word from the body, as it was typed.
"""

from __future__ import annotations

import html
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bridge.firm.text.directions import together
from bridge.firm.typed import without_fallback
from bridge.mapping.marks import ANY, MARK, marked, unmarked, with_unplaced

MENTIONS = "m.mentions"
"""The key in a message's content that says whom it mentions. With an empty value it mentions nobody; without it clients
and the homeserver look for the reader's name in the text (specification v1.7: user and room mentions)."""
MAX_TYPED = 4000
"""Characters of a message that is read as a command. A longer one is refused: nothing of it may be lost unseen."""
_MAX_FORMATTED = 32_000
"""Characters of HTML in which mentions are looked for; what is typed within MAX_TYPED needs less."""
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9-]*+)([^<>]*+)>")
"""One tag. No part of it gives back what it took, and none runs into the next tag, so that reading takes no longer than
the text is long, whatever it holds."""
_ATTRIBUTE = re.compile(r"""(?<![^\s"'/])([^\s"'>/=]++)\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s"'>]++))""")
_PERMALINK = re.compile(r"https?://([^/#?\s]++)[^#\s]*+#/(?:user/|room/)?(#?[^?/#\s]++)/?(?:\?\S*+)?")
_MATRIX_URI = re.compile(r"matrix:(u|r|roomid)/([^?/\s]++)(?:\?\S*+)?")
_SIGIL = {"u": "@", "r": "#", "roomid": "!"}
_ID = re.compile(r"[@#!][^:\s]++:\S+|![^:\s]{43}")
"""A user id, an address or a room id; those of room version 12 have no server."""
_LEADS = r"\]\(<?([^()<>\s]++)>?\)"
"""The end of a link in Markdown, as some clients send it in the body."""
_LEADS_TO = re.compile(_LEADS)
_LINK = rf"\[[^\[\]]*+{_LEADS}"
_POINTS = re.compile(rf"{MARK}|{_LINK}|(?<!\S)(?:(?:https?://|matrix:)[^\s{ANY}]*+|[#!][^\s:{ANY}]++:[^\s,;{ANY}]++)")
"""What may point to a person or room where no client made a mention of it, and marks, which are left as they are."""
_MATRIX_TO = "matrix.to"
_PUNCTUATION = ",;.!?"


@dataclass(frozen=True, slots=True)
class _Mention:
    """A link to a person or room in a message's HTML."""

    before: str
    """The text between the mention before it and this one."""
    target: str
    href: str
    shown: str


def typed_text(content: Mapping[str, Any]) -> str:
    """The message as it was typed, with marks (`bridge.mapping.marks`); empty for what is no plain text message, for
    edits and for notices.

    What a reply quotes of another message was not typed, nor what keeps a name apart that was copied from an answer.
    In a message that is too long to be a command nothing is looked for.
    """
    relation = content.get("m.relates_to")
    replaced = isinstance(relation, dict) and relation.get("rel_type") == "m.replace"
    body = content.get("body")
    if content.get("msgtype") != "m.text" or replaced or not isinstance(body, str):
        return ""
    formatted = content.get("formatted_body") if content.get("format") == "org.matrix.custom.html" else None
    is_reply = isinstance(relation, dict) and "m.in_reply_to" in relation
    if is_reply or (isinstance(formatted, str) and formatted.startswith("<mx-reply>")):
        body = without_fallback(body)
    text = unmarked(body.strip())
    if len(text) > MAX_TYPED:
        return text
    if isinstance(formatted, str):
        text = _with_mentions(text, formatted, mentioned_users(content))
    return _with_rooms(together(text))


def mentioned_users(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The user ids that a message says it mentions (specification: m.mentions)."""
    mentions = content.get(MENTIONS)
    user_ids = mentions.get("user_ids") if isinstance(mentions, dict) else None
    return tuple(one for one in user_ids if isinstance(one, str)) if isinstance(user_ids, list) else ()


def target_of(link: str, mentioned: Collection[str] = ()) -> str:
    """The user id, room id or address that a link leads to; empty where it leads elsewhere, such as to a message.

    Firms may have links of their own in the place of matrix.to. One to a person counts where the message says that it
    mentions them.
    """
    if (uri := _MATRIX_URI.fullmatch(link)) is not None:
        found, ours = _SIGIL[uri[1]] + unquote(uri[2]), True
    elif (permalink := _PERMALINK.fullmatch(link)) is not None:
        found, ours = unquote(permalink[2]), permalink[1].casefold() == _MATRIX_TO
    else:
        return ""
    if not found.startswith(("@", "#", "!")):
        return ""
    return found if ours or found in mentioned or (found[0] != "@" and _ID.fullmatch(found) is not None) else ""


def _with_mentions(body: str, formatted: str, mentioned: Collection[str]) -> str:
    """The body with a mark at each mention of the HTML, found by the words that clients write there.

    Where the words of a mention stand in the text before it too, as many are passed over as the HTML has there.
    """
    parts: list[str] = []
    at, unplaced = 0, len(formatted) > _MAX_FORMATTED
    for one in _mentions(formatted[:_MAX_FORMATTED], mentioned):
        place = _place(body, at, one)
        if place is None:
            unplaced = unplaced or one.target.startswith("@")
            continue
        start, end = place
        parts += [body[at:start], marked(one.target, body[start:end])]
        at = end
    text = "".join([*parts, body[at:]])
    return with_unplaced(text) if unplaced else text


def _place(body: str, at: int, one: _Mention) -> tuple[int, int] | None:
    """Where in the body, from a place on, the words of a mention stand: the first of all forms in which clients write
    them, and the longest of those."""
    bare = one.shown.removeprefix("@")
    forms = dict.fromkeys((f"@[{bare}]", one.shown, f"@{bare}", bare, one.href, one.target) if bare else (one.target,))
    found = [(start, -len(form)) for form in forms if (start := _find(body, form, at, one.before.count(form))) >= 0]
    if not found:
        return None
    start, length = min(found)
    end = start - length
    link = _LEADS_TO.match(body, end) if start > at and body[start - 1] == "[" else None
    return (start - 1, link.end()) if link and target_of(link[1], (one.target,)) == one.target else (start, end)


def _find(body: str, form: str, at: int, passing: int) -> int:
    """Where a form stands, from a place on, behind as many others; -1 where it does not."""
    for _ in range(passing):
        at = body.find(form, at)
        if at < 0:
            return -1
        at += len(form)
    return body.find(form, at)


def _mentions(formatted: str, mentioned: Collection[str]) -> Iterator[_Mention]:
    """The mentions in a formatted body, in order, without those in the quoted message of a reply."""
    before: list[str] = []
    shown: list[str] = []
    target = href = ""
    inside_reply = False
    at = 0
    for tag in _TAG.finditer(formatted):
        if not inside_reply:
            (shown if target else before).append(html.unescape(formatted[at : tag.start()]))
        at = tag.end()
        closing, name = bool(tag[1]), tag[2].lower()
        if name == "mx-reply":
            inside_reply = not closing
        elif name == "a" and not inside_reply:
            if target:
                yield _Mention("".join(before), target, href, " ".join("".join(shown).split()))
                before, shown = [], []
            href = "" if closing else _href(tag[3])
            target = target_of(href, mentioned)


def _href(attributes: str) -> str:
    """The address of a link, of its attributes."""
    found = next((one for one in _ATTRIBUTE.finditer(attributes) if one[1].lower() == "href"), None)
    return html.unescape(found[2] or found[3] or found[4] or "") if found else ""


def _with_rooms(text: str) -> str:
    """The text with a mark at each link and address that somebody typed or pasted."""

    def mark(found: re.Match[str]) -> str:
        words = found[0].rstrip(_PUNCTUATION)
        address = words[0] in "#!" and found.start() > 0
        target = words if address else target_of(found[1] or words)
        return marked(target, words) + found[0][len(words) :] if target else found[0]

    return _POINTS.sub(mark, text)
