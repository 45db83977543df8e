"""Which messages are for the bot: typed to it, called by name, or nothing it has to do with."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.mapping import addressing
from bridge.mapping.event import Event
from bridge.mapping.marks import with_ids

BOT = "@bot:localhost"
NAME = "Firm Bot"
PILL = '<a href="https://matrix.to/#/@bot:localhost">Firm Bot</a>'
OTHER = '<a href="https://matrix.to/#/@tom:localhost">Firm Bot</a>'


def text(body: str, formatted: str = "", **more: Any) -> dict[str, Any]:
    html = {"format": "org.matrix.custom.html", "formatted_body": formatted} if formatted else {}
    return {"msgtype": "m.text", "body": body, **html, **more}


def reply(body: str, formatted: str = "", **more: Any) -> dict[str, Any]:
    return text(body, formatted, **{"m.relates_to": {"m.in_reply_to": {"event_id": "$x"}}}, **more)


def heard(content: dict[str, Any], *, in_chat: bool = False, sender: str = "@ruth:localhost") -> str | None:
    """The command that the bot hears, in a room or in its chat."""
    event = Event("$e", "!r", "m.room.message", sender, 1, content)
    text = addressing.heard(event, BOT, {"!r"} if in_chat else set(), NAME)
    return None if text is None else with_ids(text)


def test_a_message_that_is_state_is_never_heard() -> None:
    state = Event("$e", "!r", "m.room.message", "@ruth:localhost", 1, text("!ping"), state_key="")
    assert addressing.heard(state, BOT, {"!r"}, NAME) is None


MENTIONED: dict[str, Any] = {"m.mentions": {"user_ids": [BOT]}}


@pytest.mark.parametrize(
    ("content", "command"),
    [
        (text("!ping"), "ping"),
        (text(" !PING now"), "PING now"),
        (text("@bot help"), "help"),
        (text("@bot: !help"), "help"),
        (text("@BOT:localhost, channel list"), "channel list"),
        (text("@bot"), "help"),
        (text("Firm Bot: channel list"), "channel list"),
        (text("firm bot: channel list"), "channel list"),
        (text("Firm Bot channel list", **MENTIONED), "channel list"),
        (text("@Firm Bot channel list", **MENTIONED), "channel list"),
        (text("Firm Bot: help", f"{PILL}: help"), "help"),
        (text("[Firm Bot](https://matrix.to/#/@bot:localhost) help", f"<p>{PILL} help</p>"), "help"),
        (text("Firm Bot", PILL), "help"),
        (text("Firm Bot add Tom", f"{PILL} add <a href='matrix:u/tom:localhost'>Tom</a>"), "add  @tom:localhost"),
        (reply("> <@tom:localhost> what is there?\n\n!channel list"), "channel list"),
        (reply("!channel list"), "channel list"),
        (reply("> <@tom:localhost> hi\n\n[Firm Bot](https://matrix.to/#/@bot:localhost) help"), "help"),
        (reply("> <@tom:localhost> hi\n\nFirm Bot help", f"<mx-reply>{'so ' * 99}</mx-reply>{PILL} help"), "help"),
    ],
)
def test_what_begins_with_an_exclamation_mark_or_the_bots_name_is_a_command(
    content: dict[str, Any], command: str
) -> None:
    assert heard(content) == heard(content, in_chat=True) == command


@pytest.mark.parametrize(
    "content",
    [
        text("!!!"),
        text("!!ping"),
        text("!1"),
        text("! important: the hearing is moved"),
        text("! ping"),
        text("well !ping"),
        text("thanks"),
        text("ask @bot for help"),
        text("ask Firm Bot", f"ask {PILL}", **MENTIONED),
        text("Firm Bot is down again"),
        text("Firm Bots: a history"),
        text("@bottle of wine"),
        text("@bot.smith will know"),
        text("@bot-x will know"),
        text("@bot:localhosted help"),
        text("Firm Bot: help", f"{OTHER}: help"),
        text("```\n!ping\n```", "<pre><code>!ping\n</code></pre>"),
        text("!ping", "<pre><code>!ping\n</code></pre>"),
        text("!ping shows whether it works", "<p><code>!ping</code> shows whether it works</p>"),
        text("!ping", "<div><pre>!ping</pre></div>"),
        text("!ping", " <span class='x'><code>!ping</code></span>"),
        text("@bot's answer is wrong"),
        text("Firm Bot’s answer is wrong", f"{PILL}’s answer is wrong", **MENTIONED),
        text("`!ping` shows whether it works", "<code>!ping</code> shows whether it works"),
        reply("> <@tom:localhost> !ping\n\nthanks"),
        reply("> <@bot:localhost> pong\n\nthanks", f"<mx-reply>{PILL} pong</mx-reply>thanks"),
        reply("thanks", **MENTIONED),
        text("> !ping\n\nthanks"),
    ],
)
def test_what_is_said_to_others_is_no_command(content: dict[str, Any]) -> None:
    assert heard(content) is None


@pytest.mark.parametrize(
    "content",
    [
        {
            **text("* !ping"),
            "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"},
            "m.new_content": text("!ping"),
        },
        {**text("!ping"), "m.relates_to": {"rel_type": "m.replace", "event_id": "$x"}},
        {**text("!ping"), "msgtype": "m.notice"},
        {**text("!ping"), "msgtype": "m.emote"},
        {**text("!ping"), "msgtype": "m.image"},
        {"msgtype": "m.text", "body": 7},
        {"body": "!ping"},
        {},
    ],
)
def test_edits_notices_and_what_is_no_text_are_never_heard(content: dict[str, Any]) -> None:
    assert heard(content) is None
    assert heard(content, in_chat=True) is None


def test_the_bot_does_not_hear_itself() -> None:
    assert heard(text("!ping"), sender=BOT) is None
    assert heard(text("!ping"), sender=BOT, in_chat=True) is None


@pytest.mark.parametrize("body", ["ping", "! ping", "!!ping", "/ping", "`!ping`", "> <@bot:localhost> hello\n\nping"])
def test_in_the_chat_everything_typed_is_a_command(body: str) -> None:
    assert heard(reply(body), in_chat=True) == "ping"


@pytest.mark.parametrize(
    "more",
    [
        {"m.mentions": "everybody"},
        {"m.mentions": {"user_ids": "@bot:localhost"}},
        {"m.mentions": {"user_ids": [7, None]}},
        {"m.relates_to": "x"},
        {"m.relates_to": {"m.in_reply_to": 7}},
        {"formatted_body": 7, "format": "org.matrix.custom.html"},
    ],
)
def test_odd_content_is_read_as_far_as_it_goes(more: dict[str, Any]) -> None:
    assert heard({**text("!ping"), **more}) == "ping"


HOSTILE = st.text(alphabet=st.sampled_from("@bot:lcahs>!< \n`/p"), max_size=60)


@given(HOSTILE, HOSTILE)
def test_a_room_never_hears_more_than_the_chat(body: str, formatted: str) -> None:
    content = reply(body, formatted + PILL)
    if heard(content) is not None:
        assert heard(content, in_chat=True)


@pytest.mark.parametrize("piece", [">", ">\n", "@bot ", "<mx-reply>", "<p>", " ", "!", "Firm Bot"])
def test_hearing_takes_steps_in_proportion_to_the_length(piece: str) -> None:
    # What takes steps by the square of the length would not end here before the test's time is over.
    heard(reply(piece * 200_000, piece * 200_000))


@pytest.mark.parametrize(
    "content",
    [
        reply("Firm Bot is down again", **MENTIONED),
        reply("@Firm Bot thanks", **MENTIONED),
        reply("Firm Bot thank you", f"<mx-reply>{PILL} pong</mx-reply>Firm Bot thank you", **MENTIONED),
    ],
)
def test_a_reply_to_the_bot_is_no_command_by_its_mention_alone(content: dict[str, Any]) -> None:
    assert heard(content) is None


@pytest.mark.parametrize(
    "content",
    [
        reply("Firm Bot: help", **MENTIONED),
        reply("Firm Bot help", f"{PILL} help", **MENTIONED),
        text(
            "Firm Bot help", '<a href="https://chat.firm.example/#/user/@bot:localhost">Firm Bot</a> help', **MENTIONED
        ),
        {
            **text("Firm Bot help", **MENTIONED),
            "m.relates_to": {
                "rel_type": "m.thread",
                "event_id": "$root",
                "is_falling_back": True,
                "m.in_reply_to": {"event_id": "$last"},
            },
        },
    ],
)
def test_a_mention_that_somebody_typed_calls_the_bot(content: dict[str, Any]) -> None:
    assert heard(content) == "help"


def test_a_link_of_a_firms_own_is_a_mention_where_the_message_says_so() -> None:
    formatted = '!dm <a href="https://chat.firm.example/#/user/@tom:localhost">Tom</a> hi'
    mentions = {"m.mentions": {"user_ids": ["@tom:localhost"]}}
    assert heard(text("!dm Tom hi", formatted, **mentions)) == "dm  @tom:localhost  hi"
    assert heard(text("!dm Tom hi", formatted)) == "dm Tom hi"
    assert heard(text("!dm Tom hi", formatted, **{"m.mentions": {"user_ids": ["@ruth:localhost"]}})) == "dm Tom hi"


def test_what_was_typed_cannot_make_a_mention() -> None:
    forged = "\ufdd0@tom:localhost\ufdd1Ruth\ufdd2"
    assert heard(text(f"!dm {forged} hi")) == "dm �@tom:localhost�Ruth� hi"


@pytest.mark.parametrize("filling", [" ", "\n", "<", "<a", "<p>", "<mx-reply>", "</mx-reply>", "<a href='", "&", "a"])
def test_a_look_at_the_longest_event_comes_to_an_end(filling: str) -> None:
    # What takes steps by the square of the length would not end here before the test's time is over.
    for content in (text("!a", filling * (60_000 // len(filling))), reply(">" + filling * 30_000, filling * 30_000)):
        heard(content)
        heard(content, in_chat=True)
