"""What people may write to the bot by mistake or on purpose: huge, broken, invisible, or dressed up."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bridge.commands.asking.people import People
from bridge.firm.model import Matter, Staff
from bridge.firm.room_keys import matter_space_key
from bridge.mapping.marks import as_typed
from bridge.mapping.text import typed_text
from bridge.wording.markdown import LARGEST, escape, notice
from tests.cast import ANN, BEN, CLEO, DAN, ESTATE, MERGER, MERGER_TALK, ROOMS, make_firm
from tests.component.firm_on_fake import FirmOnFake, channel, direct


def pill(target: str, name: str = "Somebody") -> str:
    return f'<a href="{html.escape(target)}">{name}</a>'


def mentioning(text: str) -> dict[str, Any]:
    return {"format": "org.matrix.custom.html", "formatted_body": text}


async def test_a_huge_message_is_refused_whole_so_that_no_part_of_it_is_sent(on: FirmOnFake) -> None:
    answer = await on.ask(ANN, "!dm @ben " + "word " * 2000)
    assert answer == "That has 10007 characters. I read at most 4000, so I did nothing with it."
    assert len(on.live_rooms()) == ROOMS


@pytest.mark.parametrize(
    "filling", [" ", "\n", "a,", "ann ", "@", "@a", "a@", "a@a.", '"', "“", "[", "](", "<a ", "&", "\0", "🙂"]
)
async def test_a_long_message_of_anything_gets_one_answer(on: FirmOnFake, filling: str) -> None:
    for command in ("", "ping ", "dm ", "matter start 2026-0042 ", "channel create ", "channel join "):
        (answer,) = await on.say(ANN, f"!{command}x" + filling * (3900 // len(filling)) + "y")
        assert answer.room_id == await on.chat(ANN)
        assert len(str(answer.content).encode()) < 60_000


@pytest.mark.parametrize("mark", ["\0", "\u202e", "\u200b", "\u2066", "\ue000", "\x1b[31m"])
async def test_invisible_characters_do_not_get_into_a_rooms_name(on: FirmOnFake, mark: str) -> None:
    for command in ("channel create Tide{}Tables", 'matter start 2026-0042 "Tide{}Tables"'):
        assert "invisible characters" in await on.ask(ANN, "!" + command.format(mark))
    assert len(on.live_rooms()) == ROOMS


async def test_names_are_shown_as_they_are_and_never_become_markup(on: FirmOnFake) -> None:
    name = "<b>*Tide*</b> [x](https://evil.example) _t_"
    (answer,) = await on.say(ANN, f"!channel create {name}")
    formatted = answer.content["formatted_body"]
    assert html.escape("<b>*Tide*</b> [x](https://evil.example) _t_", quote=False) in formatted
    assert "evil.example" not in [part.split('"')[1] for part in formatted.split("href=")[1:]]
    assert name in answer.body
    assert (await on.room(channel(name))).state["m.room.name", ""] == {"name": name}
    for text in ("!channel list", f"!channel create {name}", f"!channel join {name}", f"!{name}", f"!dm {name}"):
        (answer,) = await on.say(BEN, text)
        assert "<b>" not in answer.content.get("formatted_body", "")
        assert 'href="https://evil' not in answer.content.get("formatted_body", "")


async def test_names_of_people_are_shown_as_they_are(on: FirmOnFake) -> None:
    odd = replace(CLEO, first_name="<i>Cleo", last_name="*Crane*</i>")
    on.firm = make_firm(staff=(ANN, BEN, odd, DAN))
    (answer,) = await on.say(ANN, "!channel create Tides @cleo")
    assert answer.body.endswith("with <i>Cleo *Crane*</i>.")
    assert "<i>" not in answer.content["formatted_body"]
    on.firm = make_firm(staff=(ANN, BEN, replace(odd, former=True), DAN))
    (answer,) = await on.say(ANN, "!dm @cleo")
    assert "<i>" not in answer.content.get("formatted_body", "")
    assert "*Crane*" in answer.body


async def test_a_mention_counts_by_its_id(on: FirmOnFake) -> None:
    ben, cleo = pill("https://matrix.to/#/%40ben%3Alocalhost?via=x", "Ann"), pill("matrix:u/cleo:localhost", "Dan")
    formatted = f"!dm {ben} and <b>{cleo}</b><br>hi &amp; ho"
    first, _ = await on.say(ANN, "!dm Ann and Dan\nhi & ho", **mentioning(formatted))
    assert (first.room_id, first.body) == ((await on.room(direct("a", "b", "c"))).room_id, "hi & ho")


async def test_V5_a_mention_whose_place_cannot_be_told_sends_nothing(on: FirmOnFake) -> None:
    formatted = f"!dm {pill('https://matrix.to/#/@ben:localhost', 'Ben')} hello"
    answer = await on.ask(ANN, "!dm Cleo Crane hello", **mentioning(formatted))
    assert "I cannot tell where" in answer
    assert len(on.live_rooms()) == ROOMS


WORDS = "The client is ~~not~~ liable, 2*3*4, see [the order](https://x.example/a_b_c) &amp; `<b>`"
RENDERED = (
    'The client is <del>not</del> liable, 2<em>3</em>4, see <a href="https://x.example/a_b_c">the order</a> &amp;amp;'
    " <code>&lt;b&gt;</code>"
)


@pytest.mark.parametrize(
    "shown", ["Ben Booth", "@Ben Booth", "[Ben Booth](https://matrix.to/#/@ben:localhost)", "@ben:localhost"]
)
@pytest.mark.parametrize("behind", [" ", ": ", "\n"])
async def test_V5_words_are_sent_as_they_were_typed_beside_a_mention(on: FirmOnFake, shown: str, behind: str) -> None:
    ben = pill("https://matrix.to/#/@ben:localhost", "Ben Booth")
    cleo = pill("https://matrix.to/#/@cleo:localhost", "Cleo Crane")
    formatted = f"<p>!dm {ben}{behind}{RENDERED}, ask {cleo}</p>"
    first, _ = await on.say(ANN, f"!dm {shown}{behind}{WORDS}, ask Cleo Crane", **mentioning(formatted))
    assert (first.sender, first.body) == (on.user(ANN), f"{WORDS}, ask Cleo Crane")
    assert first.room_id == (await on.room(direct("a", "b"))).room_id


async def test_V5_titles_and_topics_are_as_they_were_typed_beside_a_mention(on: FirmOnFake) -> None:
    ben = pill("https://matrix.to/#/@ben:localhost", "Ben Booth")
    formatted = f'!matter start 2026-0042 "2<em>3</em>4 and Ben Booth" {ben}'
    answer = await on.ask(ANN, '!matter start 2026-0042 "2*3*4 and Ben Booth" Ben Booth', **mentioning(formatted))
    assert "2*3*4 and Ben Booth" in answer
    assert "with Ben Booth" in answer
    formatted = f"!channel topic Litigation ask {ben}, 2<em>3</em>4"
    answer = await on.ask(ANN, "!channel topic Litigation ask Ben Booth, 2*3*4", **mentioning(formatted))
    assert "ask Ben Booth, 2*3*4" in answer
    cleo = pill("https://matrix.to/#/@cleo:localhost", "Cleo")
    formatted = f"!wall add 2026-0042 {cleo} because {ben} knows, 2<em>3</em>"
    said = await on.say(DAN, "!wall add 2026-0042 Cleo because Ben Booth knows, 2*3*", **mentioning(formatted))
    assert any("keeps Cleo Crane out" in answer.body for answer in said)
    assert "because Ben Booth knows, 2*3*" in await on.ask(DAN, "!wall list")


async def test_V5_a_command_behind_dm_is_said_and_not_run(on: FirmOnFake) -> None:
    for text in ("!channel create Nested", "@bot channel create Nested", "Firm Bot: channel create Nested"):
        first, _ = await on.say(ANN, f"!dm @ben: {text}")
        assert first.body == text
        room_id = (await on.room(direct("a", "b"))).room_id
        more = {key: value for key, value in first.content.items() if key != "body"}
        assert await on.say(ANN, first.body, room_id, **more) == []
    assert "Nested" not in await on.ask(ANN, "!channel list")


@pytest.mark.parametrize(
    "target",
    [
        "https://matrix.to/#/@%zz%00:localhost",
        "https://matrix.to/#/@ben:elsewhere.example",
        "https://matrix.to/#/@ben%00:localhost",
        "https://matrix.to/#/@<script>:localhost",
        "https://matrix.to/#/@bot:localhost",
        "https://matrix.to/#/@" + "a" * 3000,
        "matrix:u/:",
    ],
)
async def test_a_mention_of_nobody_is_a_sentence(on: FirmOnFake, target: str) -> None:
    (answer,) = await on.say(ANN, "!dm Ben", **mentioning(f"!dm {pill(target)} hello"))
    assert answer.room_id == await on.chat(ANN)
    assert len(answer.body) < 300
    assert len(on.live_rooms()) == ROOMS


@pytest.mark.parametrize("text", ["!dm Ann Archer, Ben Booth", "!dm Ann Archer , Ben Booth", "!dm Ben; Ann Archer"])
async def test_D1_names_in_a_list_are_people_and_never_a_message(on: FirmOnFake, text: str) -> None:
    (answer,) = await on.say(CLEO, text)
    assert answer.sender == on.fake.bot_id
    assert set((await on.room(direct("a", "b", "c"))).joined) == on.users(ANN, BEN, CLEO)


HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from('<>/=" &#;!-[]()?a@:.,href\0\u202e\n'), st.characters(exclude_categories=["Cs"])
    ),
    max_size=300,
)


@given(body=HOSTILE, formatted=HOSTILE)
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_html_is_read(body: str, formatted: str) -> None:
    content = {"msgtype": "m.text", "body": body, **mentioning(formatted + pill("https://matrix.to/#/@ben:localhost"))}
    assert isinstance(typed_text(content), str)


@pytest.mark.parametrize(
    "piece", ["<a ", "<!--", "<![", "</", "&#", "<a href=", "<mx-reply>", "<", "<a href='", "&amp"]
)
def test_reading_html_takes_steps_in_proportion_to_its_length(piece: str) -> None:
    # What takes steps by the square of the length would not end here before the test's time is over.
    content = {"msgtype": "m.text", "body": "!ping", **mentioning(piece * 500_000)}
    assert as_typed(typed_text(content)) == "!ping"


@pytest.mark.parametrize("blank", [" ", "\n", "\t", "\u00a0"])
def test_looking_for_people_takes_steps_in_proportion_to_the_length(blank: str) -> None:
    people = People(make_firm(), {"ann": "a"}, "localhost", "bot")
    found, message = people.find(f"Ann{blank * 200_000}Archer: hello")
    assert ([person.id for person in found], message) == (["a"], "hello")


@given(st.text(alphabet="[]()\\`*_<>#|~!&a ", max_size=200))
def test_whatever_is_escaped_shows_as_it_is(text: str) -> None:
    assert notice(f"Hello {escape(text)}, there")["body"] == f"Hello {text}, there"


def test_the_bot_knows_a_person_with_two_names_from_one_with_one() -> None:
    ann = Staff("x", "Ann", "Archer-Bell", "ann.bell@firm.example")
    people = People(make_firm(staff=(ANN, BEN, ann)), {}, "localhost", "bot")
    assert people.find("Ann Archer, Ben: hi") == ((ANN, BEN), "hi")


@given(st.text(alphabet=st.sampled_from("a\n-*`[]()_é🙂 \0\\<&"), min_size=1, max_size=40), st.integers(1, 3000))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow], max_examples=40)
def test_any_answer_fits_into_an_event(piece: str, times: int) -> None:
    content = notice(piece * times)
    assert len(orjson.dumps(content)) <= LARGEST


def test_what_does_not_fit_is_counted() -> None:
    body = notice("\n".join(f"- {number} {'x' * 50}" for number in range(2000)))["body"]
    shown = sum(line.startswith("- ") for line in body.splitlines())
    assert f"And {2000 - shown} more lines, which do not fit into one message." in body


NUMBERED = Matter("m3", "2026 0042 A", "Trust of Ana Đurić", responsible="a")


async def test_a_matter_number_with_blanks_is_typed_as_the_bot_shows_it(on: FirmOnFake) -> None:
    on.firm = make_firm(matters=(ESTATE, MERGER, NUMBERED, replace(NUMBERED, id="m4", number="2026")))
    await on.sync()
    await on.hear()
    await on.said()
    for typed in ("2026 0042 A", "2026  0042 a", '"2026 0042 A"', "2026 0042 A,"):
        shown = await on.ask(ANN, f"!matter show {typed}")
        assert "Trust of Ana" in shown, typed
    (suggested,) = re.findall(r"!matter join .* 1", await on.ask(ANN, "!matter show 2026 0042 A"))
    assert "You are in 2026 0042 A" in await on.ask(ANN, suggested)
    assert "2026 Trust" in await on.ask(ANN, "!matter show 2026")
    answer = await on.ask(ANN, '!matter start 2026 0042 A "Costs" @ben')
    assert "Costs · 2026 0042 A Trust of Ana Đurić" in answer
    # Which is looked for by every spelling.
    for words in ("duric", "djuric", "Đurić", "0042 a"):
        assert "2026 0042 A" in await on.ask(ANN, f"!matter list {words}"), words


async def test_a_matter_number_is_found_with_the_dash_that_a_program_for_texts_made_of_its_hyphen(
    on: FirmOnFake,
) -> None:
    on.firm = make_firm(matters=(ESTATE, MERGER, NUMBERED, replace(NUMBERED, id="m4", number="2025–0007")))
    await on.sync()
    for typed in ("2026–0042", "2026‑0042", "２０２６-0042", "2025-0007", "2025−0007"):
        answer = await on.ask(ANN, f"!matter show {typed}")
        assert "There is no matter" not in answer, typed
        assert "There is no matter" not in await on.ask(DAN, f"!why @ann {typed}"), typed
    # Where two numbers differ in that alone, each is itself, and neither is guessed.
    on.firm = make_firm(matters=(ESTATE, MERGER, replace(NUMBERED, number="2026–0042")))
    await on.sync()
    assert ESTATE.title in await on.ask(ANN, f"!matter show {ESTATE.number}")
    assert NUMBERED.title in await on.ask(ANN, "!matter show 2026–0042")
    assert "There is no matter" in await on.ask(ANN, "!matter show 2026—0042")


async def test_M3_a_hidden_number_with_blanks_is_answered_as_if_there_were_none(on: FirmOnFake) -> None:
    hidden = replace(MERGER, number="2026 0055 B")
    on.firm = make_firm(matters=(ESTATE, hidden))
    for command in ("matter show", "matter join", "matter start", "matter transcript"):
        walled = await on.ask(BEN, f"!{command} 2026 0055 B")
        assert walled.replace("0055", "9955") == await on.ask(BEN, f"!{command} 2026 9955 B")


async def room_names(on: FirmOnFake, key: str) -> list[tuple[str, dict[str, Any]]]:
    """Every way in which clients name a room: what is in the body, and the HTML that goes with it."""
    room = await on.room(key)
    alias = room.state.get(("m.room.canonical_alias", ""), {}).get("alias", "")
    names = [name for name in (room.room_id, alias) if name]
    found: list[tuple[str, dict[str, Any]]] = []
    for name in names:
        link = f"https://matrix.to/#/{name}"
        encoded = f"https://matrix.to/#/{quote(name)}?via=localhost"
        uri = f"matrix:roomid/{name[1:]}" if name[0] == "!" else f"matrix:r/{name[1:]}"
        for words in (name, link, encoded, uri, f"https://chat.firm.example/#/room/{name}", f"[Room]({link})"):
            found.append((words, {}))
        for target in (link, encoded, f"https://chat.firm.example/#/room/{name}"):
            found.append(("Its Name", mentioning("{}" + pill(target, "Its Name"))))
    return found


async def test_a_room_is_named_by_mention_address_or_link_in_place_of_a_channels_name(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create Court Filings")
    for words, more in await room_names(on, channel("Court Filings")):
        for command, said in (
            ("channel info {}", "Court Filings"),
            ("channel join {}", "You are in Court Filings"),
            ("channel add {} @ben", "Court Filings"),
            ("channel topic {} 2*3*4", "2*3*4"),
            ("why @ben {}", "Court Filings"),
            ("channel leave {}", "You have left Court Filings"),
        ):
            html = {**more}
            if more:
                shown = more["formatted_body"].removeprefix("{}")
                html["formatted_body"] = "!" + command.format(shown)
            answer = await on.ask_to_add(DAN, "!" + command.format(words), **html)
            assert said in answer, (command, words)


async def test_M3_a_room_names_its_matter_to_those_who_may_see_it_and_to_nobody_else(on: FirmOnFake) -> None:
    for key in (MERGER_TALK, matter_space_key("m2")):
        for words, more in await room_names(on, key):
            html = {**more}
            if more:
                html["formatted_body"] = "!matter show " + more["formatted_body"].removeprefix("{}")
            assert "Tidewell" in await on.ask(ANN, f"!matter show {words}", **html), words
            assert "There is no matter" in await on.ask(BEN, f"!matter show {words}", **html), words
    room_id = (await on.room(MERGER_TALK)).room_id
    assert "You are in 2026-0055" in await on.ask(ANN, f"!matter join {room_id}")
    assert "Renewals" in await on.ask(ANN, f"!matter rename {room_id} to Renewals")
    assert "w1" in await on.ask(DAN, f"!wall list {(await on.room(matter_space_key('m2'))).room_id}")


async def test_D4_a_direct_room_names_nothing(on: FirmOnFake) -> None:
    await on.say(ANN, "!dm @ben")
    room_id = (await on.room(direct("a", "b"))).room_id
    for person in (ANN, DAN):
        assert "There is no channel" in await on.ask(person, f"!channel info {room_id}")


async def test_C1_a_channel_is_found_by_every_spelling(on: FirmOnFake) -> None:
    await on.say(ANN, "!channel create Ærø Müller")
    for words in ("aero", "ÆRØ", "muller", "mueller", "aeroe mull", "Müller"):
        assert "Ærø" in await on.ask(BEN, f"!channel search {words}"), words
    assert "You are in Ærø Müller" in await on.ask(BEN, "!channel join aero mueller")


async def test_C1_a_channel_whose_name_looks_like_a_person_is_typed_as_the_bot_shows_it(on: FirmOnFake) -> None:
    for name in ("Lunch @noon", "Best “Pizza” in town"):
        await on.say(ANN, f'!channel create "{name}"' if "@" in name else f"!channel create {name}")
        (suggested,) = re.findall(
            r"!channel join [^;:]*?(?= brings)",
            await on.ask(ANN, f'!channel leave "{name}"' if "@" in name else f"!channel leave {name}"),
        )
        assert f"You are in {name}" in await on.ask(ANN, suggested.rstrip("”"))
