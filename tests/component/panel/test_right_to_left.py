"""Names that are written from right to left stand in their place on every page and in what the bot says (P2)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from bridge.firm.conversation import first_matter_conversation_id
from bridge.web.panel.app import PAGES
from tests.component.panel.panel_firm import Panel, panel_firm
from tests.component.small_firm import DIRECTORY, write_directory

NAMES = {"tom": ("תום", "פרייס"), "ines": ("איילת", "מורו"), "walt": ("וולט", "חומה")}
STAFF = [
    {**one, "first_name": NAMES[one["id"]][0], "last_name": NAMES[one["id"]][1]} if one["id"] in NAMES else one
    for one in DIRECTORY["staff"]
]
MATTER = {**DIRECTORY["matters"][0], "title": "עיזבון", "client": "מור ושות", "assisting": ["tom", "ines"]}
CHANGED: dict[str, Any] = {"staff": STAFF, "matters": [MATTER]}
_RUN = re.compile(r"[א-ת]+(?: [א-ת]+)*")
_ISOLATE = {"a", "strong", "summary", "bdi", "option"}
"""Elements that keep apart what is in them: by themselves, or by the style sheet."""
_BLOCKS = {"h1", "h2", "h3", "p", "li", "td", "dt", "dd", "title", "button", "div"}


class Reading(HTMLParser):
    """What of a page turns what stands behind it."""

    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self._open: list[tuple[str, str]] = []
        self._text: list[tuple[str, bool]] = []
        """Of the block that is open: its pieces, and whether each is kept apart."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        for name in ("aria-label", "placeholder"):
            self._judge([(given.get(name) or "", False)])
        if tag in _BLOCKS or tag == "br":
            self._end()
        if tag not in {"input", "link", "meta", "br", "img", "path", "circle"}:
            self._open.append((tag, given.get("class") or ""))

    def handle_endtag(self, tag: str) -> None:
        if tag in _BLOCKS:
            self._end()
        while self._open and self._open.pop()[0] != tag:
            continue

    def handle_data(self, data: str) -> None:
        inside = any(tag in _ISOLATE or {"soft", "more"} & set(kind.split()) for tag, kind in self._open)
        ticked = ("label", "tick") in self._open and any(tag == "span" for tag, _ in self._open)
        self._text.append((data, inside or ticked))

    def _end(self) -> None:
        self._judge(self._text)
        self._text = []

    def _judge(self, pieces: list[tuple[str, bool]]) -> None:
        """Wrong is what stands bare before something else in the same line."""
        line = "".join("" if apart else re.sub("\u2068[^\u2069]*\u2069", "", text) for text, apart in pieces)
        behind = "".join("x" if apart else text for text, apart in pieces).rstrip()
        found = [one[0] for one in _RUN.finditer(line)]
        if found and not (len(found) == 1 and behind.endswith(found[0])):
            self.wrong.append(line.strip())


def wrong_in(text: str) -> list[str]:
    """What is wrong in a page."""
    reading = Reading()
    reading.feed(text)
    reading.close()
    return reading.wrong


@pytest.fixture
async def panel(tmp_path: Path, database_url: str) -> AsyncIterator[Panel]:
    async with panel_firm(tmp_path, database_url, **CHANGED) as made:
        yield made


def test_P2_a_page_is_read_as_a_browser_does() -> None:
    assert wrong_in("<p>תום, איילת</p>") == ["תום, איילת"]
    assert wrong_in("<li>תום: taken out</li>") == ["תום: taken out"]
    for fine in ("<li>by תום</li>", "<p><bdi>תום</bdi>, x</p>", "<p>\u2068תום\u2069, x</p>", "<p><a>תום</a> 1</p>"):
        assert wrong_in(fine) == []


async def test_P2_names_from_right_to_left_turn_nothing_on_any_page(panel: Panel) -> None:
    firm, ruth = panel.firm, await panel.enter("ruth")
    await firm.ask("ruth", "!channel create ערעורים @tom @ines")
    await firm.ask("ruth", "!dm @tom @ines")
    await firm.ask("ruth", '!matter start 2026-0042 "גילוי" @tom @ines')
    room = firm.room("ערעורים")
    said = firm.fake.message(room, firm.user("tom"), "שלום, ruth")["event_id"]
    firm.fake.message(room, firm.user("tom"), "חוזה.pdf", msgtype="m.file", url="mxc://localhost/page")
    firm.fake.put_state(room, firm.user("tom"), "m.room.pinned_events", "", {"pinned": [said]})
    await firm.settle()
    await firm.ask("ruth", "!wall add 2026-0042 @walt כי")
    await firm.ask("ruth", "!staff leave @ines")
    left = [{**one, "former": one["id"] in {"tom", "walt"}} for one in STAFF]
    write_directory(str(firm.service.settings.directory.path), staff=left, matters=[{**MATTER, "title": "ערר"}])
    await firm.bridge.upkeep.follow_directory()
    assert firm.service.directory.held is not None
    _, channels = await ruth.get("/channels")
    (channel,) = set(re.findall(r'href="/conversation/(channel-\w+)">ערעורים', channels))
    wrong, seen = list[tuple[str, str]](), set[str]()
    for conversation in (channel, first_matter_conversation_id("m1")):
        for pattern in PAGES:
            named = {"conversation": conversation, "matter": "m1", "person": "tom", "wall": "w1", "event": said}
            where = pattern.format(**named)
            asked = {"/search": "?q=תום", "/admin/why": "?person=tom&place=2026-0042"}.get(pattern, "")
            if "file/" in pattern:
                continue
            status, text = await ruth.get(where + asked)
            assert status == 200 or "/versions" in pattern or "/seen" in pattern, pattern
            wrong += [(pattern, one) for one in wrong_in(text)]
            seen |= {one for one in ("תום פרייס", "עיזבון", "ערעורים", "מור ושות") if one in text}
    assert wrong == []
    assert len(seen) == 4


async def test_P2_the_bot_keeps_names_apart_in_what_it_says(panel: Panel) -> None:
    said = await panel.firm.ask("ruth", "!why @tom 2026-0042")
    assert "\u2068תום פרייס\u2069 can see matter 2026-0042 \u2068עיזבון\u2069." in said
    said = await panel.firm.ask("ruth", "!access @tom")
    assert said.startswith("\u2068תום פרייס\u2069 (Associate): \u2068תום פרייס\u2069 is active staff.")


async def test_P2_C1_M1_a_name_copied_from_what_the_bot_says_is_the_name_itself(panel: Panel) -> None:
    firm, ruth = panel.firm, await panel.enter("ruth")
    made = await firm.ask("ruth", "!channel create \u2068ערעורים\u2069")
    assert "invisible" not in made
    assert firm.room("ערעורים")
    # Typed to the bot, and by a form, which is read by itself.
    assert "called \u2068ערעורים\u2069 already" in await firm.ask("ruth", "!channel create \u2068ערעורים\u2069")
    assert await ruth.post("/new/channel", [("title", "\u2068ערעורים\u2069")]) == 422
    assert "already" in ruth.text
    assert await ruth.post("/matter/m1", [("title", "\u2068גילוי\u2069"), ("person", "tom")]) == 303
    said = await firm.ask("ruth", "!access \u2068תום פרייס\u2069")
    assert said.startswith("\u2068תום פרייס\u2069 (Associate)")
    for query in ("\u2068תום פרייס\u2069", "\u2068תום פרייס"):
        _, text = await ruth.get(f"/search?q={query}")
        assert 'href="/new/direct?with=tom"' in text
