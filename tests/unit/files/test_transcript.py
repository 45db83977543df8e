"""Transcripts: what happened is told, what was deleted is not, and nothing that somebody wrote acts."""

from __future__ import annotations

import hashlib
import io
import itertools
import re
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from bridge.transcript.cleaning import LONGEST, clean, safe_html
from bridge.transcript.model import About, Transcript
from bridge.transcript.page import html_page
from bridge.transcript.pdf import pdf_document
from bridge.transcript.reading import PinnedBy, Reader
from bridge.transcript.rich import plain_text

Json = dict[str, Any]
RUTH, TOM, BOT = "@ruth:localhost", "@tom:localhost", "@bot:localhost"
NAMES = {RUTH: "Ruth Adeyemi", TOM: "Tom Price", BOT: "Firm Bot"}
ABOUT = About(
    firm="Ashcombe & Vale",
    number="2026-0042",
    title="Estate <b>",
    client="Moreau",
    conversation="General",
    timezone="Europe/London",
    room_id="!room:localhost",
    server_name="localhost",
    made_by="Tom Price",
)
START = 1_782_000_000_000
"""A Sunday in June: 2026-06-21 01:00 in London."""
numbers = itertools.count()


def event(
    sender: str, kind: str = "m.room.message", /, *, at: int = 0, state: str | None = None, **content: Any
) -> Json:
    made = {
        "event_id": f"$e{next(numbers)}",
        "type": kind,
        "sender": sender,
        "origin_server_ts": START + at * 1000,
        "content": content,
    }
    return made if state is None else {**made, "state_key": state}


def text(sender: str, body: str, at: int = 0, **content: Any) -> Json:
    return event(sender, at=at, msgtype="m.text", body=body, **content)


def relates(**relation: Any) -> Json:
    return {"m.relates_to": relation}


def edit(sender: str, target: Json, body: str, at: int = 0) -> Json:
    new = {"msgtype": "m.text", "body": body}
    return text(
        sender, f"* {body}", at, **{"m.new_content": new}, **relates(rel_type="m.replace", event_id=target["event_id"])
    )


def redaction(sender: str, target: Json, at: int = 0, reason: str = "") -> Json:
    return event(sender, "m.room.redaction", at=at, redacts=target["event_id"], reason=reason)


def made(*events: object, pinned_by: dict[str, PinnedBy] | None = None) -> Transcript:
    reader = Reader(lambda user_id: NAMES.get(user_id, clean(user_id)), BOT)
    # In two pages, wherever they part.
    reader.take(events[: len(events) // 2])
    reader.take(events[len(events) // 2 :])
    return reader.transcript(pinned_by or {})


def page(transcript: Transcript, filed: dict[str, str] | None = None) -> str:
    return html_page(transcript, ABOUT, filed or {}).decode()


def words(html: str) -> str:
    """What a page shows."""
    return " ".join(re.sub(r"<[^>]+>", " ", html.partition("<body>")[2]).split())


def pdf(transcript: Transcript, filed: dict[str, str] | None = None) -> PdfReader:
    return PdfReader(io.BytesIO(pdf_document(transcript, ABOUT, filed or {}, "0" * 64)))


def said_in(document: PdfReader) -> str:
    return " ".join(" ".join(one.extract_text() for one in document.pages).split())


def test_the_head_says_of_what_it_is_and_how_far_it_goes() -> None:
    first, last = text(RUTH, "One"), text(TOM, "Two", 60)
    shown = words(page(made(event(RUTH, "m.room.member", state=RUTH, membership="join"), first, last)))
    for part in (
        "Firm Ashcombe &amp; Vale",
        "Matter 2026-0042 Estate &lt;b&gt;",
        "Client Moreau",
        "Conversation General",
        "Messages 2, the last on 2026-06-21 01:01:00",
        "in the time zone Europe/London",
        "Made by Tom Price",
        f"Goes up to 2026-06-21 01:01:00, event {last['event_id']}",
        "Ruth Adeyemi @ruth:localhost from 2026-06-21 01:00:00",
    ):
        assert part in shown


def test_V3_files_are_listed_and_lead_to_the_copy_in_the_cabinet_or_to_the_message() -> None:
    info = {"size": 1_234_567}
    filed = event(RUTH, msgtype="m.file", body="Will 2019.pdf", url="mxc://localhost/secret", info=info)
    named = event(TOM, msgtype="m.image", body="The gate", filename="gate: north.jpg", url="mxc://localhost/secret2")
    transcript = made(filed, named)
    where = {filed["event_id"]: "a: Will #2019?.pdf"}
    html = page(transcript, where)
    assert html.count('href="./a%3A%20Will%20%232019%3F.pdf"') == 2
    assert f'href="https://matrix.to/#/!room:localhost/{named["event_id"]}?via=localhost"' in html
    assert "Will 2019.pdf (1.2 MB)" in words(html)
    assert "The gate" in words(html), "the caption"
    assert "secret" not in html
    uris = {one["/A"]["/URI"] for one in _links(pdf(transcript, where)) if "/A" in one}
    assert {"./a%3A%20Will%20%232019%3F.pdf"} < uris


def _links(document: PdfReader) -> list[Any]:
    return [note.get_object() for one in document.pages for note in one.get("/Annots", ())]


def test_V2_pins_stand_on_top_and_lead_to_the_message() -> None:
    first, gone, second = text(RUTH, "Deadline: 1 July"), text(RUTH, "Gone"), text(TOM, "Later")
    ids = [first["event_id"], gone["event_id"], "$unknown"]
    transcript = made(
        first,
        gone,
        second,
        event(RUTH, "m.room.pinned_events", state="", pinned=[second["event_id"]]),
        event(RUTH, "m.room.pinned_events", state="", pinned=ids),
        redaction(RUTH, gone),
        pinned_by={first["event_id"]: PinnedBy("Tom Price", START + 7000)},
    )
    shown = words(page(transcript))
    assert "Pinned #1 Ruth Adeyemi : Deadline: 1 July pinned by Tom Price on 2026-06-21 01:00:07" in shown
    assert len(transcript.pins) == 1
    (link,) = (one for one in _links(pdf(transcript)) if "/Dest" in one)
    assert link["/Subtype"] == "/Link"


def test_who_came_and_went_is_told_with_by_whom() -> None:
    def member(sender: str, who: str, now: str, at: int) -> Json:
        return event(sender, "m.room.member", at=at, state=who, membership=now)

    transcript = made(
        member(BOT, BOT, "join", 0),
        event(BOT, "m.room.name", state="", name="2026-0042 Estate · General"),
        event(BOT, "m.room.topic", state="", topic="Client: Moreau"),
        member(BOT, RUTH, "invite", 1),
        member(RUTH, RUTH, "join", 2),
        member(RUTH, RUTH, "join", 3),
        member(RUTH, TOM, "invite", 4),
        member(TOM, TOM, "join", 5),
        member(RUTH, TOM, "leave", 6),
        member(TOM, TOM, "join", 8),
        member(RUTH, RUTH, "leave", 9),
    )
    assert [entry.text for entry in transcript.entries if hasattr(entry, "text")] == [
        "Firm Bot named the conversation “2026-0042 Estate · General”",
        "Firm Bot set the topic to “Client: Moreau”",
        "Ruth Adeyemi joined",
        "Tom Price was invited by Ruth Adeyemi",
        "Tom Price joined",
        "Tom Price was removed by Ruth Adeyemi",
        "Tom Price joined",
        "Ruth Adeyemi left",
    ]
    tom = next(one for one in transcript.attendance if one.name == "Tom Price")
    assert [(p.since - START, p.until and p.until - START) for p in tom.periods] == [(5000, 6000), (8000, None)]


def test_what_somebody_wrote_with_a_membership_is_told() -> None:
    def member(sender: str, who: str, now: str, reason: object) -> Json:
        return event(sender, "m.room.member", state=who, membership=now, reason=reason)

    transcript = made(
        member(BOT, RUTH, "invite", "No reason of a person"),
        member(RUTH, RUTH, "join", "I am\nin"),
        member(RUTH, RUTH, "join", "still here"),
        member(RUTH, RUTH, "join", ""),
        member(RUTH, TOM, "invite", {"no": "text"}),
        member(TOM, TOM, "join", None),
        member(BOT, TOM, "leave", "No longer a participant"),
        member(RUTH, RUTH, "leave", "The offer is 40k"),
    )
    assert [entry.text for entry in transcript.entries if hasattr(entry, "text")] == [
        "Ruth Adeyemi joined: “I am in”",
        "Ruth Adeyemi wrote beside a membership: “still here”",
        "Tom Price was invited by Ruth Adeyemi",
        "Tom Price joined",
        "Tom Price was removed by Firm Bot",
        "Ruth Adeyemi left: “The offer is 40k”",
    ]


def test_days_are_those_of_the_firms_time_zone() -> None:
    late = text(RUTH, "Late", -3600 - 1)
    shown = words(page(made(late, text(RUTH, "Early"))))
    assert re.search(r"Saturday, 20 June 2026 .*23:59:59.* Sunday, 21 June 2026 .*01:00:00", shown)


def test_formatted_text_keeps_what_is_harmless_and_the_pdf_says_the_same() -> None:
    html = "<p>Dear <b>all</b>,<br>see:</p><ol start='3'><li>this</li><li>that</li></ol><img src='https://x/y'>"
    said = text(RUTH, "other words", format="org.matrix.custom.html", formatted_body=html)
    transcript = made(said)
    assert '<p>Dear <b>all</b>,<br>see:</p><ol start="3"><li>this</li><li>that</li></ol>' in page(transcript)
    assert "Dear all, see: 3. this 4. that" in said_in(pdf(transcript))


def test_the_pdf_says_where_a_link_leads() -> None:
    same = '<a href="https://court.example/a">https://court.example/a</a>'
    assert plain_text(f'See <a href="https://court.example/b">the form</a> and {same}.') == (
        "See the form (https://court.example/b) and https://court.example/a."
    )


def test_long_transcripts_have_numbered_pages_and_bookmarks() -> None:
    document = pdf(made(*(text(RUTH, "A sentence of a usual length. " * 5, n * 3600) for n in range(60))))
    assert len(document.pages) > 3
    last = document.pages[-1].extract_text()
    assert f"page {len(document.pages)} of {len(document.pages)}" in last
    titles = [one.title for one in document.outline if not isinstance(one, list)]
    assert titles[:2] == ["Sunday, 21 June 2026", "Monday, 22 June 2026"]


@pytest.mark.parametrize("said", ["Résumé Łódź", "Ωμέγα και Άλφα", "Привет, Київ"])
def test_the_pdf_has_latin_greek_and_cyrillic(said: str) -> None:
    assert said in said_in(pdf(made(text(RUTH, said))))


def test_the_pdf_shows_a_substitute_for_what_its_font_lacks() -> None:
    assert "契約 ✓" in words(page(made(text(RUTH, "契約 ✓"))))
    assert "\ufffd\ufffd [check mark]" in said_in(pdf(made(text(RUTH, "契約 ✓"))))


def test_the_same_events_give_the_same_bytes() -> None:
    events = [text(RUTH, f"Message {n} 👍", n) for n in range(30)]
    one, two = made(*events), made(*events)
    assert html_page(one, ABOUT, {}) == html_page(two, ABOUT, {})
    digest = hashlib.sha256(html_page(one, ABOUT, {})).hexdigest()
    assert pdf_document(one, ABOUT, {}, digest) == pdf_document(two, ABOUT, {}, digest)
    created = PdfReader(io.BytesIO(pdf_document(one, ABOUT, {}, digest))).metadata
    assert created is not None
    assert created.creation_date is not None
    assert int(created.creation_date.timestamp() * 1000) == START + 29_000


def test_a_message_of_a_megabyte_is_cut_and_says_so() -> None:
    transcript = made(text(RUTH, "x" * 1_000_000))
    assert f"… ({1_000_000 - LONGEST} more characters)" in page(transcript)
    assert f"({1_000_000 - LONGEST} more characters)" in said_in(pdf(transcript))


def test_nobody_can_write_the_mark_that_becomes_the_number_of_pages() -> None:
    assert "{nb} of {nb}" in said_in(pdf(made(text(RUTH, "{nb} of {nb}"))))


ACTIVE = {
    "script",
    "style",
    "iframe",
    "object",
    "embed",
    "img",
    "svg",
    "form",
    "input",
    "link",
    "base",
    "meta",
    "video",
}
OWN = {"meta": 4, "style": 1}
"""What the page has of those itself."""


class Watch(HTMLParser):
    """Notes what would act in a page."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []
        self.bad: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ACTIVE:
            self.active.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in {"style", "src", "srcset", "srcdoc", "action", "formaction"}:
                self.bad.append(f"{tag} {name}")
            if name == "href" and not re.match(r"(#m\d+|\./|https?://|mailto:)", value or ""):
                self.bad.append(f"href {value}")
            if name == "id":
                self.ids.append(value or "")


def watched(html: str) -> None:
    """Fail where anything that somebody wrote acts in the page, or turns its text round."""
    watch = Watch()
    watch.feed(html)
    watch.close()
    assert watch.bad == []
    assert {tag: watch.active.count(tag) for tag in watch.active} == OWN
    assert len(watch.ids) == len(set(watch.ids))
    assert not re.search("[\x00-\x08\u202a-\u202e\u2066-\u2069]", html)


HOSTILE = [
    "<script>alert(1)</script>",
    "</bdi></article><script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '<a href="javascript:alert(1)">x</a>',
    '<a href="data:text/html,<script>alert(1)</script>">x</a>',
    '<a href=" java\nscript:alert(1)">x</a>',
    '<a href="//evil.example/x">x</a>',
    '<a href="other.html">x</a>',
    "<svg><style><img src=x onerror=alert(1)></style></svg>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 onerror=alert(1)&gt;'>",
    "<p style='background:url(https://evil.example)' onclick='x()' id='m1'>x</p>",
    "{{ 7 * 7 }} {% include '/etc/passwd' %}",
    "\u202egnp.exe\u2066",
    "nul\x00byte",
    "<b>&#x202e;turned&#8294; &#0;&#x1b;</b>",
    "lone \ud800 surrogate",
    "<!-- --!> <base href='https://evil.example'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
]


@pytest.mark.parametrize("bad", HOSTILE)
def test_nothing_that_somebody_wrote_acts_wherever_it_stands(bad: str) -> None:
    transcript = made(
        event(bad, "m.room.member", state=bad, membership="join"),
        event(RUTH, "m.room.name", state="", name=bad),
        event(RUTH, "m.room.topic", state="", topic=bad),
        first := text(bad, bad, format="org.matrix.custom.html", formatted_body=bad),
        text(RUTH, bad),
        event(RUTH, msgtype="m.file", body=bad, filename=bad + "x", info={"size": bad}),
        event(RUTH, "m.reaction", **relates(rel_type="m.annotation", event_id=first["event_id"], key=bad)),
        {**text(RUTH, "x"), "event_id": bad},
        event(RUTH, "m.room.pinned_events", state="", pinned=[bad, first["event_id"]]),
        redaction(RUTH, gone := text(RUTH, "x"), reason=bad),
        gone,
    )
    watched(page(transcript, {first["event_id"]: bad}))
    document = pdf(transcript)
    assert "Participants" in said_in(document)
    for one in _links(document):
        assert "/A" not in one or re.match(r"https://matrix\.to/|\./", one["/A"]["/URI"])


leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.sampled_from(HOSTILE)
odd = st.recursive(
    leaf,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
relation = odd | st.fixed_dictionaries(
    {},
    optional={
        "rel_type": st.sampled_from(["m.replace", "m.thread", "m.annotation"]) | odd,
        "event_id": st.sampled_from(["$0", "$1", "$2"]) | odd,
        "key": odd,
        "m.in_reply_to": st.fixed_dictionaries({"event_id": st.sampled_from(["$0", "$1"]) | odd}) | odd,
        "is_falling_back": odd,
    },
)
content = odd | st.fixed_dictionaries(
    {},
    optional={
        "msgtype": st.sampled_from(["m.text", "m.notice", "m.emote", "m.file", "m.image"]) | odd,
        "body": odd,
        "format": st.just("org.matrix.custom.html") | odd,
        "formatted_body": odd,
        "filename": odd,
        "info": st.fixed_dictionaries({"size": odd}) | odd,
        "m.relates_to": relation,
        "m.new_content": st.fixed_dictionaries({"body": odd, "msgtype": odd}) | odd,
        "membership": st.sampled_from(["join", "leave", "invite", "ban", "knock"]) | odd,
        "pinned": st.lists(st.sampled_from(["$0", "$1"])) | odd,
        "name": odd,
        "topic": odd,
        "redacts": st.sampled_from(["$0", "$1"]) | odd,
        "reason": odd,
    },
)
kinds = [
    "m.room.message",
    "m.reaction",
    "m.room.redaction",
    "m.room.member",
    "m.room.pinned_events",
    "m.room.name",
    "m.room.topic",
    "m.room.encrypted",
    "m.sticker",
    "org.example.own",
]
hostile_event = odd | st.fixed_dictionaries(
    {
        "event_id": st.sampled_from(["$0", "$1", "$2", "$3"]) | odd,
        "type": st.sampled_from(kinds) | odd,
        "sender": st.sampled_from([RUTH, TOM, BOT]) | odd,
    },
    optional={
        "origin_server_ts": st.integers() | odd,
        "content": content,
        "state_key": st.sampled_from(["", RUTH]) | odd,
        "unsigned": st.fixed_dictionaries({"redacted_because": st.fixed_dictionaries({"sender": odd, "content": odd})})
        | odd,
        "redacts": odd,
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(hostile_event, max_size=8))
def test_events_of_any_form_make_a_page_in_which_nothing_acts(events: list[object]) -> None:
    watched(page(made(*events)))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(st.lists(hostile_event, max_size=6))
def test_events_of_any_form_make_a_pdf_that_can_be_read(events: list[object]) -> None:
    assert len(pdf(made(*events)).pages) >= 1


@settings(deadline=None)
@given(st.text(max_size=200) | st.lists(st.sampled_from([*HOSTILE, "<", ">", "a", '"', " "])).map("".join))
def test_cleaned_html_is_clean_already(given_html: str) -> None:
    once = safe_html(given_html)
    assert safe_html(once) == once
    assert "<" not in plain_text("<p>" + given_html.replace("&", "").replace("<", "") + "</p>")
