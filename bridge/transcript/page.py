"""A transcript as one HTML page that needs nothing else: no script, no other file, no network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from bridge.firm.text.visible import says_something
from bridge.transcript.cleaning import page_html
from bridge.transcript.model import About, Entry, Transcript, TranscriptMessage
from bridge.transcript.wording import Wording


@cache
def _template() -> Template:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["formatted"] = _formatted
    environment.tests["message"] = lambda entry: isinstance(entry, TranscriptMessage)
    return environment.get_template("page.html.j2")


def html_page(transcript: Transcript, about: About, filed: Mapping[str, str]) -> bytes:
    """The page in UTF-8. The same transcript gives the same bytes.

    `filed` is where a message's file lies, as a path from the page, by event id.
    """
    wording = Wording(transcript, about, filed)
    return _template().render(wording=wording, transcript=transcript, days=_days(wording)).encode()


def _days(wording: Wording) -> Iterator[tuple[str, list[Entry]]]:
    """The entries under the day on which they came."""
    for day, entries in groupby(wording.transcript.entries, key=lambda entry: wording.day(entry.at_ms)):
        yield day, list(entries)


def _formatted(message: TranscriptMessage) -> Markup | str:
    """What a message says, with its harmless formatting."""
    if not message.formatted:
        return message.text
    said = Markup(page_html(message.formatted))  # noqa: S704 - nh3 has cleaned it
    # Formatting that says nothing must not hide what the plain text says.
    return said if says_something(said.striptags()) or "<hr>" in said else message.text
