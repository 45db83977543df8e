"""Reading what people type: mentions, names, quotes, and what is no command."""

from __future__ import annotations

import inspect
from datetime import date
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
from bridge.commands.asking.screened import Around, walls_named
from bridge.commands.asking.table import ArgumentType, Command
from bridge.firm.model import Firm, Group, Matter, Staff, Wall
from bridge.mapping.marks import as_typed, marked, with_ids
from bridge.mapping.text import typed_text
from bridge.operations.everybody import Everybody
from bridge.refusal import CommandError, Refusal
from bridge.wording.markdown import code, escape, notice, room_link
from tests.unit.asked.typed import find_command

TODAY = date(2026, 11, 23)
RUTH = Staff("s1", "Ruth", "Adeyemi", "ruth@firm.example", "Partner")
TOM = Staff("s2", "Tom", "Price", "tom@firm.example", "Associate")
TOMAS = Staff("s3", "Tomás", "O'Neill", "tomas@firm.example", "Paralegal")
RUTHS = Staff("s4", "Ruth", "Bell", "ruth.bell@firm.example", "Associate")
GONE = Staff("s5", "Mark", "Gone", "mark@firm.example", former=True)
FIRM = Firm(
    staff={person.id: person for person in (RUTH, TOM, TOMAS, RUTHS, GONE)},
    matters={"m1": Matter("m1", "2026-0042", "Estate"), "m2": Matter("m2", "2026-0043", "Merger")},
    walls={"w": Wall("w", matter_id="m2", people=("s1",))},
)
PEOPLE = People(
    FIRM,
    {"ruth": "s1", "tom": "s2", "tomas": "s3", "ruth.bell": "s4", "mark": "s5"},
    "localhost",
    "bot",
)


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


JULIAN = Staff("j1", "Julian", "Marsh", "julian.marsh@firm.example", "Partner")
PRESCOTT = Staff("j2", "Julian", "Prescott", "julian.prescott@firm.example", "Partner", former=True)
CHEN = Staff("c1", "Wei", "Chen", "wchen@firm.example", "Associate")
DANIEL = Staff("d1", "Daniel", "Park", "dpark@firm.example", "Associate")
LI_1 = Staff("l1", "Mei", "Li", "mei.li@firm.example", "Partner")
LI_2 = Staff("l2", "Mei", "Li", "mei.li.2@firm.example", "Clerk")
LUKASZ = Staff("k1", "Łukasz", "Wójcik", "lukasz@firm.example")
SOREN = Staff("k2", "Søren", "Kjærgård", "soren@firm.example")
DORDE = Staff("k3", "Đorđe", "Đukić", "dorde@firm.example")
THOR = Staff("k4", "Þór", "Jónsson", "thor@firm.example")
MUELLER = Staff("k5", "Jörg", "Müller", "jm@firm.example")
MARRIED = Staff("k6", "Ada", "Bell-Quill", "ada.quill@firm.example")
ALL = (JULIAN, PRESCOTT, CHEN, DANIEL, LI_1, LI_2, LUKASZ, SOREN, DORDE, THOR, MUELLER, MARRIED)
ACCOUNTS = {
    "jmarsh": "j1",
    "jprescott": "j2",
    "wei.chen": "c1",
    "daniel": "d1",
    "mei.li": "l1",
    "mei.li.2": "l2",
    "ada.bell": "k6",
}
OFFICE = People(Firm(staff={one.id: one for one in ALL}), ACCOUNTS, "localhost", "bot")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Julian Prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("Julian Prescott: the offer is 40k", "Julian Prescott has left the firm"),
        ("julian prescott, Wei: the offer", "Julian Prescott has left the firm"),
        ("@Julian Prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("@julian prescott the offer is 40k", "Julian Prescott has left the firm"),
        ("@jprescott the offer", "Julian Prescott has left the firm"),
        ("@julian.prescott the offer", "Julian Prescott has left the firm"),
        ("Wei Zhang the offer is 40k", "not sure whom"),
        ("Wei Zhang: the offer is 40k", "I know nobody called Wei Zhang"),
        ("Wei Zhang", "I know nobody called Wei Zhang"),
        ("@Wei Zhang the offer is 40k", "not sure whom"),
        ("@daniel Prescott the offer", None),
        ("Wei the offer is 40k", "not sure whom"),
        ("wei call me", "not sure whom"),
        ("Daniel lunch at 12:30?", "not sure whom"),
        ("Daniel see https://firm.example/x", "not sure whom"),
        ("Wei Chen Prescott the offer", "not sure whom"),
        ("Wei Chen Zhang: the offer", "not sure whom"),
        ("Wei Chen @daniel the offer", "not sure whom"),
        ("Wei Chen and Daniel lunch?", r"not sure whom.*\(`Wei Chen, Daniel: …`\)"),
        ("Wei, Daniel, are you in?", r"not sure whom.*\(`Wei, Daniel: …`\)"),
        ("@daniel, Wei has the file", "not sure whom"),
        ("Mei Li the offer", r"more than one Mei Li: Mei Li \(@mei\.li, Partner\) or Mei Li \(@mei\.li\.2, Clerk\)"),
        ("Mei Li: the offer", "more than one Mei Li"),
        ("@mei the offer", "more than one @mei"),
    ],
)
def test_V5_in_doubt_the_bot_asks_and_nobody_gets_the_message(text: str, said: str | None) -> None:
    if said is None:
        assert OFFICE.find(text) == ((DANIEL,), text.split(maxsplit=1)[1])
        return
    with pytest.raises(CommandError, match=said):
        OFFICE.find(text)


@pytest.mark.parametrize(
    ("text", "person", "rest"),
    [
        ("@wei lunch?", CHEN, "lunch?"),
        ("@wei: Lunch?", CHEN, "Lunch?"),
        ("@Wei Chen lunch?", CHEN, "lunch?"),
        ("@chen lunch?", CHEN, "lunch?"),
        ("@wchen lunch?", CHEN, "lunch?"),
        ("@ada.quill lunch?", MARRIED, "lunch?"),
        ("@ada.bell lunch?", MARRIED, "lunch?"),
        ("@mei.li.2 lunch?", LI_2, "lunch?"),
        ("Julian: lunch?", JULIAN, "lunch?"),
        ("with Julian: lunch?", JULIAN, "lunch?"),
        ("Julian.", JULIAN, ""),
        ("Ada Bell Quill lunch?", MARRIED, "lunch?"),
        ("bell quill: lunch?", MARRIED, "lunch?"),
        ("Wei-Chen: lunch?", CHEN, "lunch?"),
        ("Daniel Park lunch at 12:30?", DANIEL, "lunch at 12:30?"),
        ("Daniel: lunch at 12:30?", DANIEL, "lunch at 12:30?"),
    ],
)
def test_people_are_found_as_people_type(text: str, person: Staff, rest: str) -> None:
    assert OFFICE.find(text) == ((person,), rest)


@pytest.mark.parametrize(
    ("typed", "person"),
    [
        ("Łukasz", LUKASZ),
        ("lukasz wojcik", LUKASZ),
        ("Søren", SOREN),
        ("soren", SOREN),
        ("Soeren Kjaergaard", SOREN),
        ("Soeren Kjaergard", SOREN),
        ("SØREN KJÆRGÅRD", SOREN),
        ("dorde", DORDE),
        ("Djordje Djukic", DORDE),
        ("Đorđe Djukić", DORDE),
        ("thor", THOR),
        ("ÞÓR", THOR),
        ("Muller", MUELLER),
        ("mueller", MUELLER),
        ("Joerg Muller", MUELLER),
        ("Jo\u0308rg Mu\u0308ller", MUELLER),
    ],
)
def test_letters_that_a_keyboard_may_not_have_are_typed_in_everybodys_way(typed: str, person: Staff) -> None:
    assert OFFICE.named(typed) is person


def test_what_sounds_alike_in_another_script_is_somebody_else() -> None:
    wang = Staff("w", "伟", "王", "w@firm.example")
    people = People(Firm(staff={"w": wang}), {}, "localhost", "bot")
    assert people.named("伟 王") is wang
    for typed in ("伟 汪", "Wei Wang"):
        with pytest.raises(CommandError):
            people.named(typed)


@given(st.sampled_from(["wei", "mei.li", "daniel"]), st.text("-_.()…–!'’\"", max_size=3), st.text("-_.…–)", max_size=3))
def test_V5_an_account_with_signs_beside_it_is_no_namesakes(account: str, before: str, behind: str) -> None:
    """Where the account is one person's and somebody else is called so."""
    owners = {"wei": DANIEL, "mei.li": LUKASZ, "daniel": CHEN}
    people = People(OFFICE.firm, {name: one.id for name, one in owners.items()}, "localhost", "bot")
    try:
        found, _ = people.find(f"@{before}{account}{behind} the offer is 40k")
    except CommandError:
        return
    assert found == (owners[account],)


@given(st.sampled_from(ALL), st.text(max_size=30).filter(str.strip))
def test_V5_nobody_gets_a_message_behind_a_part_of_a_name(person: Staff, text: str) -> None:
    for part in (person.first_name, person.last_name):
        try:
            people, rest = OFFICE.find(f"{part} {text}")
        except CommandError:
            continue
        # What was taken for people was the whole text, a list of names, or what stands before a colon.
        names = text.partition(":")[0] if ":" in text else text
        assert rest in {text.partition(":")[2].strip(), ""} or f"{part} {names}".strip() == person.name
        assert people


def test_F2_a_name_that_is_another_persons_account_is_asked_about() -> None:
    everybody = Everybody(OFFICE.firm, {"julian": "j2", "wei": "c1"}, "localhost")
    for typed in ("julian", "Julian"):
        with pytest.raises(Refusal, match="several_called"):
            everybody.named(typed)
    assert everybody.named("@julian") is PRESCOTT
    assert everybody.named("wei") is everybody.named("@wei") is everybody.named("@chen") is CHEN
    assert everybody.named("Julian Marsh") is JULIAN


def test_M3_only_an_answer_that_there_is_no_matter_takes_a_look_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a quarter of a second in a firm with 60,000 matters."""
    looked: list[str] = []

    def counted(firm: Firm, words: list[str]) -> tuple[Matter, ...]:
        looked.extend(words)
        return ()

    monkeypatch.setattr("bridge.commands.asking.matter_numbers.matters_with", counted)
    here = Reading(PEOPLE, TOM, TODAY, {}, FIRM.matters["m1"])
    command, rest = find_command("matter start Disclosure plan")
    assert parse(command, rest, here) == {"matter": FIRM.matters["m1"], "title": "Disclosure plan"}
    with pytest.raises(CommandError, match="no wall or matter Estate"):
        walls_named("Estate", FIRM.walls.values(), FIRM, TOM, TODAY)
    assert looked == []
    with pytest.raises(CommandError, match=r"no matter 2026-0099 .* goes in quotation marks"):
        parse(command, "2026-0099 plan", here)
    with pytest.raises(CommandError, match="no matter Nothing"):
        parse(command, '"Nothing" "Disclosure plan"', here)
    assert looked == ["2026-0099", "nothing"]


ODD = Firm(
    staff=FIRM.staff,
    matters={
        one.id: one
        for one in (
            Matter("o1", "2026-0042", "Hollis v. Marina"),
            Matter("o2", "HO 17/4", "Hollis pensions"),
            Matter("o3", "A", "A child"),
            Matter("o4", "2026/0042", "Sealed"),
            Matter("o5", "1", "Estate of Quill"),
        )
    },
    walls={"w": Wall("w", matter_id="o4", people=("s2",))},
)


def matter_meant(text: str, sender: Staff = TOM, here: str = "") -> tuple[str, str]:
    people = People(ODD, PEOPLE.localparts, "localhost", "bot")
    command, rest = find_command(f"matter start {text}")
    found: dict[str, Any] = parse(command, rest, Reading(people, sender, TODAY, {}, ODD.matters.get(here)))
    return found["matter"].id, found["title"]


@pytest.mark.parametrize(
    ("text", "matter"),
    [
        ("2026 0042 Costs", "o1"),
        ("#2026-0042 Costs", "o1"),
        ("(2026-0042): Costs", "o1"),
        ("matter no. 2026-0042 Costs", "o1"),
        ("about 2026-0042 - Costs", "o1"),
        ("HO17/4 Costs", "o2"),
        ("ho 17 / 4 Costs", "o2"),
        ("A Costs", "o3"),
        ("1 Costs", "o5"),
    ],
)
def test_a_number_is_read_as_people_type_it(text: str, matter: str) -> None:
    assert matter_meant(text)[0] == matter
    if matter != "o5":
        assert matter_meant(text, here="o5")[0] == matter


@pytest.mark.parametrize("text", ["a chat about costs", "the costs", "my new idea", "for 1 hour"])
def test_a_small_word_is_no_matter(text: str) -> None:
    assert matter_meant(text, here="o1") == ("o1", text)
    if "1" not in text:
        with pytest.raises(CommandError, match="There is no matter"):
            matter_meant(text)


def test_M3_what_is_hidden_changes_nothing_of_how_a_number_is_read() -> None:
    for typed in ("2026/0042 Costs", "2026 / 0042 Costs"):
        assert matter_meant(typed)[0] == "o1"
    assert matter_meant("2026/0042 Costs", RUTH)[0] == "o4"
    with pytest.raises(CommandError, match="There is no matter"):
        matter_meant("2026 0042 Costs", RUTH)


def test_M3_a_matter_called_by_more_than_one_word_is_told_and_of_several_the_list() -> None:
    for typed, said in (
        ("Hollis", "`!matter list Hollis` shows those that are called so"),
        ("Hollis v. Marina", r"Did you mean 2026\-0042 Hollis v\. Marina\?"),
        ("the Hollis pensions", "Did you mean HO 17/4 Hollis pensions"),
        ("Sealed", r"that you can see\. `!matter list` shows those you can"),
    ):
        with pytest.raises(CommandError, match=said):
            matter_meant(typed)
