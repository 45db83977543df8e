"""Which messages are for the bot, and what of them is the command."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from functools import cache
from typing import Any

from bridge.firm.room_keys import FIRST_MESSAGE
from bridge.firm.typed import BEGINS, without_fallback
from bridge.mapping.event import MESSAGE, Event
from bridge.mapping.marks import mark_of
from bridge.mapping.text import mentioned_users, typed_text

_CODE = re.compile(r"(?:\s*+<(?!(?:pre|code)\b)[a-z][^<>]*+>)*+\s*+<(?:pre|code)\b", re.IGNORECASE)
_END_OF_QUOTE = "</mx-reply>"
_LOOKED_AT = 200
"""Characters at the beginning in which the bot's name is looked for."""


def heard(event: Event, bot_id: str, bot_chats: Collection[str], bot_name: str = "") -> str | None:
    """The command in an event, as `command_in` gives it; None for what is not for the bot.

    It is for the bot where it is typed in its chat, with an exclamation mark, or begins with its name. Notices, edits
    and what the bot says itself never are. Every message of the firm comes by, so most are told by how they begin.
    """
    content = event.content
    if event.type != MESSAGE or event.state_key is not None or event.sender == bot_id:
        return None
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return None
    in_chat = event.room_id in bot_chats
    if not in_chat and not _may_begin(content, body, bot_id, bot_name):
        return None
    return command_in(content, bot_id, bot_name, in_chat=in_chat)


def _may_begin(content: Mapping[str, Any], body: str, bot_id: str, bot_name: str) -> bool:
    """Whether a message may be for the bot, by how its body begins and whom its HTML names. In a reply the bot may be
    named behind the quote, however long that is."""
    typed, formatted = body.lstrip(), content.get("formatted_body")
    html = formatted if isinstance(formatted, str) else ""
    localpart = bot_id[1:].partition(":")[0]
    if typed.startswith(">"):
        typed = without_fallback(body).lstrip()
        named = localpart in html or localpart in typed
    else:
        named = localpart in html[:_LOOKED_AT]
    return named or typed[:_LOOKED_AT].casefold().startswith(_beginnings(bot_name))


def command_in(content: Mapping[str, Any], bot_id: str, bot_name: str, *, in_chat: bool) -> str | None:
    """The command in a message, without the exclamation mark or the bot's name, with marks (`bridge.mapping.marks`);
    None where there is none.

    Somebody who only calls the bot asks for help. What the bridge sent in somebody's name is what they said to a
    colleague, whatever it begins with (V5).
    """
    text = typed_text(content)
    # Clients mention whoever is replied to, whether or not anybody typed a name.
    mentioned = bot_id in mentioned_users(content) and not _is_reply(content)
    called = bot_called(bot_id, bot_name, mentioned=mentioned).match(text)
    if called is not None:
        text = text[called.end() :]
    elif not text or not (in_chat or (BEGINS.match(text) and not _is_code(content))):
        return None
    if FIRST_MESSAGE in content:
        return None
    if text.startswith("`") and text.endswith("`"):
        text = text.strip("`")
    # Clients without commands of their own send a slash as it is typed.
    return text.lstrip("!/ ").strip() or "help"


def _is_reply(content: Mapping[str, Any]) -> bool:
    """Whether it replies to a message. In a thread clients name its last message where it is no reply."""
    relation = content.get("m.relates_to")
    return isinstance(relation, dict) and "m.in_reply_to" in relation and not relation.get("is_falling_back")


def _is_code(content: Mapping[str, Any]) -> bool:
    """Whether a message begins with something shown as code: a command that is explained, not given."""
    formatted = content.get("formatted_body")
    if not isinstance(formatted, str):
        return False
    end = formatted.find(_END_OF_QUOTE)
    return _CODE.match(formatted, end + len(_END_OF_QUOTE) if end >= 0 else 0) is not None


@cache
def _beginnings(bot_name: str) -> tuple[str, ...]:
    """How a message for the bot may begin: a command, a mention or the bot's name."""
    return "!", "@", bot_name.casefold() or "!"


@cache
def bot_called(bot_id: str, bot_name: str, *, mentioned: bool) -> re.Pattern[str]:
    """The bot's name at the beginning. A display name alone needs a colon behind it, unless it is a mention."""
    localpart, _, server = bot_id[1:].partition(":")
    by_id = rf"@{re.escape(localpart)}(?::{re.escape(server)})?(?![:.]?[\w=/+-])"
    by_name = rf"@?{re.escape(bot_name)}" + (r"(?!\w)" if mentioned else r"(?=\s?:)")
    either = "|".join([mark_of(bot_id), by_id, *([by_name] if bot_name else [])])
    return re.compile(rf"\s*(?:{either})(?!['’]\w)[\s:,.]*", re.IGNORECASE)
