"""A transcript as a PDF: numbered pages, bookmarks for the days, links to pinned messages and files."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import resources
from itertools import groupby
from pathlib import Path

from fontTools.ttLib import TTFont
from fpdf import FPDF
from fpdf.fonts import TextStyle

from bridge.transcript.model import About, Happening, Transcript, TranscriptMessage
from bridge.transcript.rich import TextRun, runs_of
from bridge.transcript.wording import Wording

_FONT = "Roboto"
_STYLES = {"": "Roboto-Regular.ttf", "B": "Roboto-Bold.ttf", "I": "Roboto-Italic.ttf"}
_GREY, _BLACK, _BLUE = (85, 85, 95), (27, 27, 31), (20, 80, 158)
_SAID = 10
"""Points of what somebody said."""
_INDENTS = re.compile(r"(?m)^[ \t]+(?=\S)")
_SUBSTITUTE = "\N{REPLACEMENT CHARACTER}"
_JOINERS = re.compile("[\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-15}\N{VARIATION SELECTOR-16}]")


def pdf_document(transcript: Transcript, about: About, filed: Mapping[str, str], page_digest: str) -> bytes:
    """The PDF. The same transcript gives the same bytes.

    `filed` is where a message's file lies, as a path from the PDF, by event id. `page_digest` is the SHA-256 of the
    HTML page that belongs to it.
    """
    return bytes(_Document(Wording(transcript, about, filed), page_digest).made().output())


class _Document(FPDF):
    def __init__(self, wording: Wording, page_digest: str) -> None:
        super().__init__(format="A4")
        self._wording = wording
        self._digest = page_digest
        self._links: dict[int, int] = {}
        """Targets of internal links, by the number of the message."""
        # The number of pages stands where this is; nobody who writes a message can know it.
        self.alias_nb_pages(f"{{{page_digest[:24]}}}")
        for style, name in _STYLES.items():
            self.add_font(_FONT, style, _fonts() / name)
        self.set_section_title_styles(
            TextStyle(font_family=_FONT, font_style="B", font_size_pt=12, t_margin=4, b_margin=1)
        )
        self.set_creation_date(datetime.fromtimestamp(wording.transcript.last_at / 1000, UTC))
        self.set_title(_shown(wording.heading))
        self.set_producer("firm-bridge")
        self.set_lang("en")
        self.set_margins(20, 18)
        self.set_auto_page_break(True, margin=20)

    def footer(self) -> None:
        """What stands at the foot of every page."""
        self.set_y(-14)
        self._pen(8, color=_GREY)
        self.cell(
            0,
            5,
            _shown(f"{self._wording.heading[:90]} · page {self.page_no()} of {self.str_alias_nb_pages}"),
            align="L",
        )

    def made(self) -> _Document:
        """The document, written."""
        self.add_page()
        self._head()
        self._lists()
        for day, entries in groupby(self._wording.transcript.entries, key=lambda entry: self._wording.day(entry.at_ms)):
            self._heading(day)
            for entry in entries:
                if isinstance(entry, Happening):
                    self._line(f"{self._wording.time(entry.at_ms)}  {entry.text}", 8.5, color=_GREY)
                else:
                    self._message(entry)
        return self

    def _head(self) -> None:
        wording = self._wording
        self._line(wording.heading, 15, "B")
        for label, said in wording.facts():
            self._line(f"{label}: {said}", 9)
        self._line(f"SHA-256 of the HTML page: {self._digest}", 9)

    def _lists(self) -> None:
        wording, transcript = self._wording, self._wording.transcript
        if transcript.attendance:
            self._heading("Participants")
            for one in transcript.attendance:
                self._line(f"{one.name} ({one.user_id}), {wording.periods(one)}", 9)
        if transcript.pins:
            self._heading("Pinned")
            for pin in transcript.pins:
                self._reference(
                    pin.message, f"{pin.message.author}: {wording.excerpt(pin.message)} {wording.pinned(pin)}"
                )
        if transcript.files:
            self._heading("Files")
            for message in transcript.files:
                self._reference(message, f"{self._file(message)} {message.author}, {wording.moment(message.at_ms)}")

    def _message(self, message: TranscriptMessage) -> None:
        wording = self._wording
        if self.will_page_break(12):
            self.add_page()
        self.ln(1.5)
        self.set_link(self._link(message.number), page=self.page, y=self.y)
        self._run(f"#{message.number} ", 8.5, color=_GREY)
        self._run(f"{message.author} ", 8.5, "B")
        kind = " · notice" if message.notice else " · poll" if message.poll is not None else ""
        self._run(f"{wording.time(message.at_ms)}{kind}", 8.5, color=_GREY)
        for words, number in wording.relations(message):
            self._run(f" · {words} ", 8.5, color=_GREY)
            if number:
                self._run(f"#{number}", 8.5, color=_BLUE, link=self._link(number))
            else:
                self._run("a message that is not here", 8.5, color=_GREY)
        edited = wording.edited(message)
        self._run(f" · {edited}" if edited else "", 8.5, color=_GREY)
        self.ln(4.5)
        if message.deleted is not None:
            self._line(wording.deleted(message.deleted), 10, "I", color=_GREY)
            return
        if message.file is not None:
            link = wording.filed(message) or wording.message_link(message)
            self._line(f"File: {self._file(message)}", 10, color=_BLUE, link=link)
        self._said(message)
        if message.poll is not None:
            for answer in message.poll.answers:
                self._line(f"- {wording.answer(answer)}", 10)
            self._line(wording.outcome(message.poll), 8.5, color=_GREY)
        for reaction in message.reactions:
            self._line(f"{reaction.sign} {len(reaction.people)}: {', '.join(reaction.people)}", 8.5, color=_GREY)

    def _said(self, message: TranscriptMessage) -> None:
        """What a message says, in its looks."""
        runs = runs_of(message.formatted) or ((TextRun(message.text),) if message.text else ())
        if not runs:
            return
        if message.emote:
            self._run(f"{message.author} ", _SAID, "B")
        for run in runs:
            looks = {"B": run.bold, "I": run.italic and not run.bold, "U": run.underlined, "S": run.struck}
            style = "".join(letter for letter, looks_so in looks.items() if looks_so)
            color = _BLUE if run.link else _BLACK
            self._run(_indented(run.text), _SAID, style, color=color, link=run.link)
        self.ln(4.8)

    def _file(self, message: TranscriptMessage) -> str:
        if message.file is None:
            return ""
        size = self._wording.size(message.file.size)
        return f"{message.file.name} ({size})" if size else message.file.name

    def _reference(self, message: TranscriptMessage, text: str) -> None:
        """A line that leads to a message."""
        self._line(f"#{message.number} {text}", 9, color=_BLUE, link=self._link(message.number))

    def _link(self, number: int) -> int:
        if number not in self._links:
            self._links[number] = self.add_link()
        return self._links[number]

    def _heading(self, text: str) -> None:
        self._pen(12, "B")
        if self.will_page_break(20):
            self.add_page()
        self.start_section(_shown(text))

    def _line(
        self, text: str, size: float, style: str = "", *, color: tuple[int, int, int] = _BLACK, link: str | int = ""
    ) -> None:
        self._pen(size, style, color)
        self.multi_cell(0, size * 0.48, _shown(text), align="L", link=link, new_x="LMARGIN", new_y="NEXT")

    def _run(
        self, text: str, size: float, style: str = "", *, color: tuple[int, int, int] = _BLACK, link: str | int = ""
    ) -> None:
        """Words that others follow on the same line."""
        if text:
            self._pen(size, style, color)
            self.write(4.5, _shown(text), link)

    def _pen(self, size: float, style: str = "", color: tuple[int, int, int] = _BLACK) -> None:
        self.set_font(_FONT, style, size)
        self.set_text_color(*color)


def _indented(text: str) -> str:
    """The text with what stands before a line kept there: the writer drops blanks at a line's beginning."""
    return _INDENTS.sub(lambda found: "\N{NO-BREAK SPACE}" * len(found[0].expandtabs(4)), text)


def _fonts() -> Path:
    return Path(str(resources.files("font_roboto"))) / "files"


@cache
def _drawn() -> frozenset[int]:
    """The characters that every style of the font has."""
    every = []
    for name in _STYLES.values():
        with TTFont(_fonts() / name, lazy=True) as font:
            every.append(frozenset(font.getBestCmap()))
    return frozenset.intersection(*every)


@cache
def _glyph(character: str) -> str:
    """A character, or what stands for one that the font lacks: the name of a sign, else a mark."""
    if ord(character) in _drawn() or character == "\n":
        return character
    if character == "\t":
        return "    "
    if unicodedata.category(character) in {"So", "Sm", "Sk"} and (name := unicodedata.name(character, "")):
        return f"[{name.lower()}]"
    return _SUBSTITUTE


def _shown(text: str) -> str:
    """The text as the font can show it."""
    return "".join(map(_glyph, _JOINERS.sub("", unicodedata.normalize("NFC", text))))
