"""Formatted messages where no HTML is shown: runs of text with how they look, and signs for what changes a meaning.

What is struck out, raised, lowered or in a table reads otherwise without its form, and text that is copied has none. So
it has signs too, as people type them in plain messages.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, replace
from html.parser import HTMLParser

from bridge.firm.text.visible import says_something
from bridge.transcript.cleaning import in_brackets, picture, safe_html

_STRUCK = ("del", "s", "strike")
_LOOKS = {
    **dict.fromkeys(("b", "strong", "th", "summary", "caption", "h1", "h2", "h3", "h4", "h5", "h6"), "bold"),
    **dict.fromkeys(("i", "em"), "italic"),
    **dict.fromkeys(("u", "ins"), "underlined"),
    **dict.fromkeys(_STRUCK, "struck"),
}
_AROUND = {**dict.fromkeys(_STRUCK, ("~~", "~~")), "q": ("“", "”"), "sup": ("^(", ")"), "sub": ("_(", ")")}
"""What stands before and behind the text of a tag."""
_TABLE = frozenset({"caption", "table", "tbody", "tfoot", "thead", "tr"})
_OTHER_BLOCKS = "blockquote details div h1 h2 h3 h4 h5 h6 hr li ol p pre summary ul"
_BLOCKS = _TABLE.union(_OTHER_BLOCKS.split())
_RULE = "———"
_BLANKS = re.compile(r"[ \t\n\r\f]+")
_MOST_BREAKS = 2
"""Line breaks that stand together outside code."""
_WITHIN = "  "
"""What the lines of a list's entry begin with, but for its first."""
_DEEPEST = 8
"""Quotations and lists within each other that are shown as such."""


@dataclass(frozen=True, slots=True)
class TextRun:
    """Text that looks the same from its beginning to its end. It may have line breaks."""

    text: str
    bold: bool = False
    italic: bool = False
    underlined: bool = False
    struck: bool = False
    link: str = ""


@dataclass(slots=True)
class _Level:
    """An open quotation or list."""

    before: str
    """What a line within it begins with."""
    number: int | None = None
    """The next one of its entries; None where they have none."""
    mark: str = ""
    """The sign of its entry, as long as that says nothing."""


class _Reader(HTMLParser):
    """Takes clean HTML in; `runs` is what it says."""

    def __init__(self) -> None:
        super().__init__()
        self.runs: list[TextRun] = []
        self._looks: Counter[str] = Counter()
        """How many open tags give the text each look."""
        self._lists = [_Level("")]
        """The open ones, within one of entries that are in none."""
        self._levels = [*self._lists]
        """These and the open quotations."""
        self._marked: list[_Level] = []
        """Those whose entry says nothing yet."""
        self._tables: list[int] = []
        """How many cells the row of each open table has so far."""
        self._around: list[int] = []
        """The runs that tags of _AROUND began with."""
        self._as_typed = 0
        self._link = ("", 0)
        """Where a link leads, and the run that its words begin with."""
        self._breaks, self._blank = 0, False
        """What comes before the next text: line breaks, a blank."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in _BLOCKS:
            self._break(tag)
        if tag in _AROUND and not (tag in _STRUCK and self._looks["struck"]):
            self._put(_AROUND[tag][0])
            self._around.append(len(self.runs) - 1)
        if tag in _LOOKS:
            self._looks[_LOOKS[tag]] += 1
        if tag in {"ol", "ul"}:
            self._lists.append(_Level("", int(given.get("start") or "1") if tag == "ol" else None))
            self._levels.append(self._lists[-1])
        elif tag in {"table", "tr", "td", "th"}:
            self._begin_in_table(tag)
        else:
            self._begin(tag, given)

    def _begin(self, tag: str, given: dict[str, str | None]) -> None:
        match tag:
            case "br":
                self._breaks, self._blank = min(self._breaks + 1, _MOST_BREAKS), False
            case "hr":
                self._put(_RULE)
                self._break(tag)
            case "li":
                self._begin_entry()
            case "blockquote":
                self._levels.append(_Level("> "))
            case "pre":
                self._as_typed += 1
            case "a":
                self._link = (given.get("href") or "", len(self.runs))
            case "img":
                self.handle_data(picture(given))
            case "span" | "div":
                self.handle_data(in_brackets(given))

    def handle_endtag(self, tag: str) -> None:
        if tag in _LOOKS:
            self._looks[_LOOKS[tag]] -= 1
        if tag in _AROUND and self._around and not (tag in _STRUCK and self._looks["struck"]):
            self._end_around(tag)
        match tag:
            case "li":
                self._end_entry()
            case "ol" | "ul":
                self._lists.pop()
                self._levels.pop()
            case "blockquote":
                self._levels.pop()
            case "pre":
                self._as_typed = max(0, self._as_typed - 1)
            case "a":
                self._end_link()
            case "table" if self._tables:
                self._tables.pop()
        if tag in _BLOCKS:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if self._as_typed:
            for number, line in enumerate(data.split("\n")):
                self._breaks += bool(number)
                if line:
                    self._put(line)
            return
        words = _BLANKS.sub(" ", data)
        self._blank = self._blank or words.startswith(" ")
        if bare := words.strip(" "):
            self._put(bare)
            self._blank = words.endswith(" ")

    def _put(self, text: str) -> None:
        """Text, behind what is to come before it."""
        before = ""
        if self._breaks or not self.runs:
            # A message begins with what it says, whatever breaks stood before.
            before = "\n" * (self._breaks if self.runs else 0)
            deepest = self._levels[max(_DEEPEST, len(self._levels) - 1) :]
            before += "".join(level.mark or level.before for level in self._levels[:_DEEPEST] + deepest)
        else:
            before = " " if self._blank else ""
            before += "".join(level.mark for level in self._marked)
        for level in self._marked:
            level.mark, level.before = "", _WITHIN
        self._breaks, self._blank, self._marked = 0, False, []
        looks = {look: True for look, count in self._looks.items() if count > 0}
        self.runs += [TextRun(each, link=self._link[0], **looks) for each in (before, text) if each]

    def _break(self, tag: str) -> None:
        """The line ends here; what stands in one cell of a table stays on one line."""
        if self._marked or (tag not in _TABLE and self._tables and self._tables[-1]):
            self._blank = True
        else:
            self._breaks = max(self._breaks, 1)

    def _begin_entry(self) -> None:
        level = self._lists[-1]
        level.mark = "- " if level.number is None else f"{level.number}. "
        level.number = None if level.number is None else level.number + 1
        self._marked.append(level)

    def _end_entry(self) -> None:
        if self._marked:
            self._put("")
        self._lists[-1].before = ""

    def _begin_in_table(self, tag: str) -> None:
        if tag == "table":
            self._tables.append(0)
        elif tag == "tr" and self._tables:
            self._tables[-1] = 0
        elif self._tables:
            if self._tables[-1]:
                self._blank = True
                self._put("|")
            self._tables[-1] += 1
            self._blank = True

    def _end_around(self, tag: str) -> None:
        at = self._around.pop()
        inside = self.runs[at + 1 : at + 3]
        if tag in {"sup", "sub"} and len(inside) == 1 and len(inside[0].text) == 1:
            # As people type it: 10^2.
            self.runs[at] = replace(self.runs[at], text=_AROUND[tag][0][0])
        else:
            self._put(_AROUND[tag][1])

    def _end_link(self) -> None:
        address, begin = self._link
        if address and "".join(run.text for run in self.runs[begin:]).strip() != address:
            self._blank = True
            self._put(f"({address})")
        self._link = ("", 0)


def runs_of(formatted: str) -> tuple[TextRun, ...]:
    """What formatted text says, as a page shows it; empty for nothing."""
    if not formatted:
        return ()
    reader = _Reader()
    reader.feed(safe_html(formatted))
    reader.close()
    return tuple(reader.runs) if any(says_something(run.text) for run in reader.runs) else ()


def plain_text(formatted: str) -> str:
    """The same without its looks."""
    return "".join(run.text for run in runs_of(formatted)).strip()
