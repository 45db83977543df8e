"""Reading what people type: mentions, quotes, arguments, and what is no command."""

from __future__ import annotations

import inspect
from importlib import import_module
from pkgutil import walk_packages
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import bridge.commands
from bridge.commands.all import COMMANDS
from bridge.commands.asking.parse import Reading, parse
from bridge.commands.asking.people import People, Unfound
from bridge.commands.asking.screened import Around
from bridge.commands.asking.table import ArgumentType, Command
from bridge.firm.model import Firm, Group, Matter, Staff
from bridge.mapping.marks import as_typed, marked, with_ids
from bridge.mapping.text import typed_text
from bridge.refusal import CommandError
from bridge.wording.markdown import code, escape, notice, room_link
from tests.unit.asked.typed import FIRM, PEOPLE, RUTH, RUTHS, TODAY, TOM, TOMAS, find_command


def pill(user_id: str, name: str) -> str:
    return f'<a href="https://matrix.to/#/{user_id}">{name}</a>'


def message(body: str, formatted: str | None = None) -> dict[str, Any]:
    content: dict[str, Any] = {"msgtype": "m.text", "body": body}
    if formatted is not None:
        content |= {"format": "org.matrix.custom.html", "formatted_body": formatted}
    return content


@pytest.mark.parametrize(
    ("text", "people", "rest"),
    [
        ("@ruth", [RUTH], ""),
        ("@ruth:localhost @tom lunch?", [RUTH, TOM], "lunch?"),
        ("@ruth, @tom: lunch?", [RUTH, TOM], "lunch?"),
        ("@ruth and @tom lunch?", [RUTH, TOM], "lunch?"),
        ("tom@firm.example hello there", [TOM], "hello there"),
        ("@RUTH hello", [RUTH], "hello"),
        ("Ruth Adeyemi", [RUTH], ""),
        ("tomas: hello", [TOMAS], "hello"),
        ("tomas o'neill hello", [TOMAS], "hello"),
        ("TOMAS O’NEILL", [TOMAS], ""),
        ("Toma\u0301s and tom: lunch?", [TOMAS, TOM], "lunch?"),
        ("ruth adeyemi and Tom Price: lunch?", [RUTH, TOM], "lunch?"),
        ("Tom, Tomás", [TOM, TOMAS], ""),
        ("Tom: are you in?", [TOM], "are you in?"),
        ("Tom Price are you in at 12:30?", [TOM], "are you in at 12:30?"),
        ("Tom Price  two  blanks\nand a line", [TOM], "two  blanks\nand a line"),
        ("Tom Price note: bring the file", [TOM], "note: bring the file"),
        ("Tom Price FYI: it is moved", [TOM], "FYI: it is moved"),
        ("@tom and Ruth Adeyemi: lunch?", [TOM, RUTH], "lunch?"),
        ("Ruth Adeyemi, @tom: lunch?", [RUTH, TOM], "lunch?"),
        ("@Ruth Adeyemi hello", [RUTH], "hello"),
        ("@ruth.bell hello", [RUTHS], "hello"),
        ("@price hello", [TOM], "hello"),
        ("@tom Ruth Adeyemi is late", [TOM], "Ruth Adeyemi is late"),
        ("@tom and then we go", [TOM], "and then we go"),
        ("", [], ""),
    ],
)
def test_people_are_found(text: str, people: list[Staff], rest: str) -> None:
    assert PEOPLE.find(text) == (tuple(people), rest)


@pytest.mark.parametrize(
    "text",
    [
        "Ruth Adeyemi, Tom Price",
        "Ruth Adeyemi\nTom Price",
        "\n- Ruth Adeyemi\n- Tom Price\n",
        "1. Ruth Adeyemi\n2) @tom",
        "Ruth Adeyemi and Tom Price.",
        "@ruth;\n\n@tom!",
        '"Ruth Adeyemi", “Tom Price”',
        "Ruth Adeyemi <ruth@firm.example>; Tom Price <tom@firm.example>",
        "Ruth Adeyemi and @tom to this channel.",
        "Ruth Adeyemi and @tom, please",
    ],
)
def test_a_list_of_people_is_read_in_every_form_that_people_type(text: str) -> None:
    assert PEOPLE.find_each(text) == ((RUTH, TOM), "")


@pytest.mark.parametrize(
    "text",
    [
        "@tom to Litigation",
        "Ruth Adeyemi, tom into Litigation",
        "@tom from 2026-0042 please",
        "@ruth @tom out of this matter",
        "@tom to " + marked("!r:localhost", "Litigation"),
        "Tom Price " + marked("#litigation:localhost", "#litigation:localhost"),
    ],
)
def test_V1_who_is_to_come_into_another_conversation_comes_into_none(text: str) -> None:
    with pytest.raises(CommandError, match="I did nothing"):
        PEOPLE.find_each(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@rut", "Did you mean Ruth"),
        ("Rut Adeyemi", "Did you mean Ruth Adeyemi"),
        ("Ruth", "more than one Ruth"),
        ("@mark", "has left the firm"),
        ("@ruth:elsewhere.example", "not at this firm"),
        ("@bot", "That is me"),
        ("zzzz qqqq", "I know nobody called zzzz qqqq"),
    ],
)
def test_an_error_explains_and_suggests(text: str, said: str) -> None:
    with pytest.raises(CommandError, match=said):
        PEOPLE.find(text)


def test_who_is_meant_where_two_names_differ_in_an_accent_alone() -> None:
    accented, plain = Staff("z", "Zoë", "Lund", "z@firm.example"), Staff("y", "Zoe", "Lund", "y@firm.example")
    people = People(Firm(staff={"z": accented, "y": plain}), {}, "localhost", "bot")
    assert (people.named("zoë lund"), people.named("Zoe Lund")) == (accented, plain)
    for typed in ("zoe", "zoë"):
        with pytest.raises(CommandError, match="more than one"):
            people.named(typed)


def test_an_account_whose_owner_the_directory_no_longer_has_is_not_suggested() -> None:
    people = People(FIRM, {"zebedee": "s99"}, "localhost", "bot")
    with pytest.raises(CommandError, match="Use a mention"):
        people.marked("@zebede")


def test_a_mention_counts_by_its_id_and_not_by_the_name_it_shows() -> None:
    content = message("!dm Tom Price hello", f"!dm {pill('@ruth:localhost', 'Tom Price')} hello")
    assert PEOPLE.find(typed_text(content).removeprefix("!dm").strip()) == ((RUTH,), "hello")


@pytest.mark.parametrize(
    ("body", "formatted"),
    [
        ("[Tom](<https://matrix.to/#/@ruth:localhost>) hello", pill("@ruth:localhost", "Tom") + " hello"),
        ("[Tom [TP] Price](https://matrix.to/#/@ruth:localhost) hello", pill("@ruth:localhost", "Tom [TP] Price")),
        ("[@Tom](<https://matrix.to/#/@ruth:localhost>) hello", None),
        (
            "Tom hello",
            '<a data-href="https://matrix.to/#/@tom:localhost" href="https://matrix.to/#/@ruth:localhost">Tom</a>',
        ),
        (
            "Tom hello",
            "<a title='href=\"https://matrix.to/#/@tom:localhost\"' href = 'https://matrix.to/#/@ruth:localhost'>Tom</a>",
        ),
    ],
)
def test_a_mention_is_read_in_every_form_that_clients_give_it(body: str, formatted: str | None) -> None:
    assert PEOPLE.find(typed_text(message(body, formatted))) == ((RUTH,), "hello")


def test_the_quoted_message_of_a_reply_is_not_typed() -> None:
    quoted = f"<mx-reply><blockquote>{pill('@tom:localhost', 'Tom')} said</blockquote></mx-reply>"
    content = message("> <@tom> said\n\n!dm Ruth", f"{quoted}!dm {pill('@ruth:localhost', 'Ruth')}")
    assert with_ids(typed_text(content)) == "!dm  @ruth:localhost"
    assert as_typed(typed_text(content)) == "!dm Ruth"


@pytest.mark.parametrize(
    "content",
    [
        {**message("!ping"), "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}},
        {"msgtype": "m.notice", "body": "!ping"},
        {"msgtype": "m.text", "body": 7},
        {"body": "!ping"},
        {},
    ],
)
def test_edits_notices_and_oddities_are_no_commands(content: dict[str, Any]) -> None:
    assert typed_text(content) == ""


def values(text: str, sender: Staff = TOM) -> dict[str, Any]:
    command, rest = find_command(text)
    return parse(command, rest, Reading(PEOPLE, sender, TODAY, {}))


def test_arguments_are_read_by_their_types() -> None:
    assert values('matter start 2026-0042 "Disclosure, part 2" @ruth') == {
        "matter": FIRM.matters["m1"],
        "title": "Disclosure, part 2",
        "people": (RUTH,),
    }
    assert values("matter start 2026-0042 Disclosure @ruth")["title"] == "Disclosure"
    assert values("channel create Court Filings @ruth tom@firm.example") == {
        "name": "Court Filings",
        "people": (RUTH, TOM),
    }
    for typed in ("Costs with @ruth", "Costs: @ruth", "Costs for @ruth"):
        assert values(f"matter start 2026-0042 {typed}")["title"] == "Costs"
    for typed in ("channel create with @ruth", "matter start 2026-0042 for @ruth"):
        with pytest.raises(CommandError, match="needs"):
            values(typed)
    assert values("ping  good   morning") == {"text": "good   morning"}


def test_M3_a_walled_matter_is_answered_like_one_that_does_not_exist() -> None:
    with pytest.raises(CommandError) as walled:
        values('matter start 2026-0043 "Talk"', RUTH)
    with pytest.raises(CommandError) as missing:
        values('matter start 2026-9999 "Talk"', RUTH)
    assert str(walled.value).replace("0043", "9999") == str(missing.value)
    assert values('matter start 2026-0043 "Talk"', TOM)["matter"].id == "m2"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dm", "needs @person"),
        ("matter start", 'needs "Title"'),
        ("matter start 2026-0042", 'needs "Title"'),
        ("channel list now", "I do not know what to do with “now”"),
        ("matter", "!matter list"),
        ("chanel list", "Did you mean `!channel list`"),
        ("hlep", "Did you mean `!help`"),
        ("xyzzy", "I do not know !xyzzy"),
    ],
)
def test_a_mistyped_command_gets_a_sentence_that_helps(text: str, said: str) -> None:
    with pytest.raises(CommandError) as error:
        values(text)
    assert said in str(error.value)


@given(st.text(max_size=200), st.text(max_size=200))
def test_whatever_is_typed_is_read_or_refused_with_a_sentence(body: str, formatted: str) -> None:
    text = typed_text(message(body, formatted)).lstrip("! ")
    for command in ("", "dm ", "matter start 2026-0042 ", "channel create "):
        try:
            values(command + text or "help")
        except CommandError as error:
            assert str(error)


def test_every_command_is_declared_whole() -> None:
    assert len({command.name for command in COMMANDS}) == len(COMMANDS)
    for command in COMMANDS:
        assert command.summary
        assert command.examples
        assert all(example.startswith(f"!{command.name}") for example in command.examples)


READ_AS: dict[ArgumentType, Any] = {
    ArgumentType.PEOPLE: tuple[Staff, ...],
    ArgumentType.EACH: tuple[Staff | Unfound, ...],
    ArgumentType.MATTER: Matter,
    ArgumentType.AROUND: Around,
    ArgumentType.SCREENED: tuple[Staff | Group, ...],
}
"""What comes of reading, where it is no text."""


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_parameter_has_the_type_that_its_argument_is_read_as(command: Command) -> None:
    _, *taken = inspect.signature(command.run, eval_str=True).parameters.values()
    for parameter, argument in zip(taken, command.arguments, strict=True):
        read = READ_AS.get(argument.type, str)
        wanted = {read} if argument.required or read not in {Matter, Around} else {read | None}
        assert {get_args(parameter.annotation)[0]} == wanted, argument.name
        assert argument.shown


def test_every_command_that_is_declared_is_in_the_table() -> None:
    modules = (import_module(found.name) for found in walk_packages(bridge.commands.__path__, "bridge.commands."))
    declared = {one.name for module in modules for one in vars(module).values() if isinstance(one, Command)}
    assert declared == {command.name for command in COMMANDS}


def test_replies_read_well_with_and_without_html() -> None:
    content = notice(f"**Done**: {room_link('2026-0042 *Estate*', '!abc:localhost', 'localhost')} `!help`")
    assert content["body"] == ("Done: 2026-0042 *Estate* (https://matrix.to/#/!abc:localhost?via=localhost) !help")
    assert '<a href="https://matrix.to/#/!abc:localhost?via=localhost">' in content["formatted_body"]
    assert "<strong>Done</strong>" in content["formatted_body"]


@given(st.text(max_size=80))
def test_names_from_elsewhere_never_become_markup(name: str) -> None:
    html = notice(f"Hello {escape(name)}").get("formatted_body", "")
    assert "<script" not in html
    assert "<a" not in html
    assert "<strong>" not in html


@pytest.mark.parametrize(
    ("markdown", "plain"),
    [
        (
            "**Matters**\n\n- `!matter list [WORDS]`: Yours\n- **2** Talk",
            "Matters\n\n- !matter list [WORDS]: Yours\n- 2 Talk",
        ),
        ("One:\n\n3. three\n4. four\n\nEnd", "One:\n\n3. three\n4. four\n\nEnd"),
        ("- one\n  - two\n    more\n- three", "- one\n  - two\n    more\n- three"),
        (f"Open {room_link('Tides', '!a:b', 'b')}.", "Open Tides (https://matrix.to/#/!a:b?via=b)."),
        (f"- {room_link('Tides', '!a:b', 'b')}: 2", "- Tides: 2"),
        ("Type `!channel restore Court Filings`.", "Type !channel restore Court Filings."),
        ("`!channel restore Court Filings` opens it", "“!channel restore Court Filings” opens it"),
        ("`!help` lists them all", "!help lists them all"),
        ("one\ntwo", "one\ntwo"),
    ],
)
def test_the_plain_text_of_a_reply_reads_well(markdown: str, plain: str) -> None:
    assert notice(markdown)["body"] == plain


@pytest.mark.parametrize(
    "name", ["- Tides", "+1", "= x", "2026. Tides", "7) Tides", "R&amp;D", "&#42;x&#42;", "---", "# x"]
)
def test_a_name_that_looks_like_markup_shows_as_it_is(name: str) -> None:
    assert notice(escape(name))["body"] == name
    assert notice(f"{escape(name)} is open")["body"] == f"{name} is open"
    assert "<li>" not in notice(escape(name)).get("formatted_body", "")


@pytest.mark.parametrize("name", ["Tides", "a`b", "``", "`", "a`", "b``c`d"])
def test_a_name_with_backticks_stays_inside_what_is_to_be_typed(name: str) -> None:
    content = notice(f"Type {code(f'!channel join {name}')}: it *opens*")
    assert content["body"] == f"Type !channel join {name}: it opens"
    assert f"<code>!channel join {name}</code>" in content["formatted_body"]
