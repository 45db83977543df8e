"""Text that somebody wrote, made fit for a document: nothing invisible, nothing that acts, nothing without an end."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import nh3

LONGEST = 100_000
"""Characters shown of one text. The homeserver takes no event of more than 65,536 bytes."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, marks that turn the direction of writing, and what is no character."""
_TAGS = {"a", "b", "blockquote", "br", "code", "del", "em", "i", "li", "ol", "p", "pre", "s", "strong", "u", "ul"}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}
_ON_A_LINE = {"blockquote", "br", "li", "ol", "p", "pre", "ul"}
_BLANKS = re.compile(r"\s+")
_GAPS = re.compile(r"(?<! ) *+\n[ \n]*+")
_SCHEMES = {"http", "https", "mailto"}
_WITH_CONTENT = {"script", "style", "mx-reply"}
"""Tags that go with all that is in them; of others the text stays. `mx-reply` repeats what a message answers."""
_ABSOLUTE = re.compile(r"(?:https?://|mailto:)[^\s]+", re.IGNORECASE)


def clean(text: object, longest: int = LONGEST) -> str:
    """The text with a mark in the place of every character that does not show or turns the writing round.

    Empty for what is no text. What is longer than `longest` characters is cut, and says so.
    """
    if not isinstance(text, str):
        return ""
    rest = len(text) - longest
    shown = _seen(text[:longest].replace("\r\n", "\n").replace("\r", "\n"))
    return f"{shown} … ({rest} more characters)" if rest > 0 else shown


def _seen(text: str) -> str:
    return _UNSEEN.sub("\N{REPLACEMENT CHARACTER}", text)


def clean_line(text: object, longest: int = 300) -> str:
    """The same on one line."""
    return " ".join(clean(text, longest).split())


def safe_html(formatted: str) -> str:
    """Formatted text with a few harmless tags and links to the web and to mail; all else is taken out of it."""
    cleaned = nh3.clean(
        _seen(formatted),
        tags=_TAGS,
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    # Again, because the HTML may have spelt such characters out.
    return _seen(cleaned)


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    """The attribute's value, or None without it. A link that says no scheme would lead beside the document."""
    if attribute == "start":
        return value if value.isascii() and value.isdecimal() and len(value) < 7 else None
    return value if attribute != "href" or _ABSOLUTE.fullmatch(value) else None


class _Words(HTMLParser):
    """What clean HTML says, with lines where it has paragraphs."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []
        self._lists: list[int | None] = []
        self._as_typed = 0
        self._link = ("", 0)
        """Where a link leads, and where its words begin."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _ON_A_LINE:
            self.parts.append("\n")
        if tag in {"ol", "ul"}:
            start = dict(attrs).get("start") or "1"
            self._lists.append(int(start) if tag == "ol" else None)
        elif tag == "li":
            self.parts.append(self._marker())
        elif tag == "pre":
            self._as_typed += 1
        elif tag == "a":
            self._link = (dict(attrs).get("href") or "", len(self.parts))

    def handle_endtag(self, tag: str) -> None:
        if tag in {"ol", "ul"} and self._lists:
            self._lists.pop()
        elif tag == "pre":
            self._as_typed = max(0, self._as_typed - 1)
        elif tag == "a":
            address, begin = self._link
            if address and "".join(self.parts[begin:]).strip() != address:
                self.parts.append(f" ({address})")
            self._link = ("", 0)
        if tag in _ON_A_LINE:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        self.parts.append(data if self._as_typed else _BLANKS.sub(" ", data))

    def _marker(self) -> str:
        number = self._lists[-1] if self._lists else None
        if number is None:
            return "- "
        self._lists[-1] = number + 1
        return f"{number}. "


def plain_text(formatted: str) -> str:
    """What formatted text says, as a page shows it; empty for none."""
    if not formatted:
        return ""
    words = _Words()
    words.feed(safe_html(formatted))
    words.close()
    return _GAPS.sub("\n", "".join(words.parts)).strip()
