"""Text that somebody wrote, made fit for a document: nothing invisible, nothing that acts, nothing without an end."""

from __future__ import annotations

import html
import re
from collections.abc import Mapping
from html.parser import HTMLParser

import nh3

LONGEST = 100_000
"""Characters shown of one text. The homeserver takes no event of more than 65,536 bytes."""
_UNSEEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
"""Control characters, marks that turn the direction of writing, and what is no character."""
_RECOMMENDED = (
    "a b blockquote br caption code del details div em h1 h2 h3 h4 h5 h6 hr i img li ol p pre s span strong sub summary"
    " sup table tbody td th thead tr u ul"
)
MATRIX_TAGS = frozenset(_RECOMMENDED.split())
"""What messages may be formatted with (specification: m.room.message, recommended tags)."""
_ALSO = "ins kbd q samp small strike tfoot tt"
"""Other tags that say something and do nothing."""
_TAGS = MATRIX_TAGS.union(_ALSO.split())
_WITHIN_A_LINE = "abbr acronym bdi bdo big cite data dfn font label mark mx-reply nobr script style time var wbr"
"""What else HTML has inside a line of text."""
_IN_LINES = "|".join([*sorted(_TAGS), *_WITHIN_A_LINE.split()])
_APART = re.compile(
    rf"(?<!\s)(?=<(?:/?(?:caption|t(?:able|body|d|foot|h|head|r))\b|/?(?!(?:{_IN_LINES})[\s/>])[a-z]))", re.IGNORECASE
)
"""Where a blank keeps apart what would run together: parts of a table, which are nothing outside one, and blocks of
HTML that messages should not have."""
_STRANGE = re.compile(rf"(?:(?<=<)|(?<=</))(?!(?:{_IN_LINES})[\s/>])[a-z][^\s/>]*+", re.IGNORECASE)
"""The name of any other tag. The library takes away what is inside some of them, such as those of formulas."""
_ATTRIBUTES = {
    "a": {"href"},
    "ol": {"start"},
    "img": {"alt", "title"},
    "span": {"data-mx-spoiler", "data-mx-maths"},
    "div": {"data-mx-maths"},
}
_SCHEMES = {"http", "https", "ftp", "mailto", "magnet"}
_WITH_CONTENT = {"script", "style", "mx-reply"}
"""Tags that go with all that is in them; of others the text stays. `mx-reply` repeats what a message answers."""
_ABSOLUTE = re.compile(r"(?:(?:https?|ftp)://|mailto:|magnet:)[^\s]+", re.IGNORECASE)
_START = re.compile(r"-?[0-9]{1,9}")
"""As many digits as a number in front of a line has that becomes a list (CommonMark, list items)."""
_IN_WORDS = re.compile(r'<(span|div) data-mx-maths="([^"]*+)">((?:<code>)?+\2(?:</code>)?+</\1>)')
"""A formula whose text is the formula."""


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
        _STRANGE.sub("span", _APART.sub(" ", _seen(formatted))),
        tags=set(_TAGS),
        clean_content_tags=_WITH_CONTENT,
        attributes=_ATTRIBUTES,
        attribute_filter=_attribute,
        url_schemes=_SCHEMES,
        link_rel="noopener noreferrer",
    )
    # Again, because the HTML may have spelt such characters out, and left out where a row begins.
    return _seen(_APART.sub(" ", _IN_WORDS.sub(r"<\1>\3", cleaned)))


def picture(attributes: Mapping[str, str | None]) -> str:
    """What stands for a picture in a text: its words, as of an emoji of the firm's own."""
    return (attributes.get("alt") or attributes.get("title") or "").strip() or "[picture]"


def in_brackets(attributes: Mapping[str, str | None]) -> str:
    """What stands before a text that is hidden, or that is shown as a formula; empty for any other."""
    if formula := attributes.get("data-mx-maths"):
        return f"[formula: {formula}] "
    if "data-mx-spoiler" not in attributes:
        return ""
    reason = attributes["data-mx-spoiler"]
    return f"[spoiler: {reason}] " if reason else "[spoiler] "


class _Page(HTMLParser):
    """Clean HTML as a printed page can have it: words for pictures, and nothing folded away."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "img":
            self.parts.append(html.escape(picture(given)))
        elif tag == "details":
            self.parts.append("<div>")
        elif tag == "summary":
            self.parts.append("<p><b>")
        elif tag in {"span", "div"}:
            self.parts.append(f"<{tag}>{html.escape(in_brackets(given))}")
        else:
            self.parts.append(self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self.parts.append({"details": "</div>", "summary": "</b></p>"}.get(tag, f"</{tag}>"))

    def handle_data(self, data: str) -> None:
        self.parts.append(data)

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")


def page_html(formatted: str) -> str:
    """Formatted text for a page: `safe_html` without pictures and without what a reader would have to open."""
    page = _Page()
    page.feed(safe_html(formatted))
    page.close()
    return "".join(page.parts)


def _attribute(tag: str, attribute: str, value: str) -> str | None:
    """The attribute's value, or None without it. A link that says no scheme would lead beside the document."""
    if attribute == "start":
        return value if _START.fullmatch(value) else None
    return value if attribute != "href" or _ABSOLUTE.fullmatch(value) else None
