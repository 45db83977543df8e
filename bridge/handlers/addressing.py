"""Which messages are for the bot, and what of them is the command."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from bridge.commands.text import typed_text

Json = dict[str, Any]
_COMMAND = re.compile(r"!(?=[^\W\d_])")
"""No blank behind it: "! important" is prose."""
_CODE = re.compile(r"\s*(?:<mx-reply>.*?</mx-reply>)?\s*(?:<p>\s*)?<(?:pre|code)\b", re.IGNORECASE | re.DOTALL)
_LOOKED_AT = 200
"""Characters at the beginning in which the bot's name is looked for."""


def is_addressed(event: Json, bot_id: str, bot_chats: set[str], bot_name: str = "") -> bool:
    """Whether a message is for the bot: typed in its chat, with an exclamation mark, or beginning with its name.

    Notices, edits and what the bot says itself never are. Every message of the firm comes by, so most are told by how
    they begin.
    """
    content = event.get("content")
    if event.get("type") != "m.room.message" or event.get("sender") == bot_id or not isinstance(content, dict):
        return False
    body = content.get("body")
    if content.get("msgtype") != "m.text" or not isinstance(body, str):
        return False
    in_chat = event.get("room_id") in bot_chats
    if not in_chat and not body.lstrip()[:_LOOKED_AT].casefold().startswith(_beginnings(bot_name)):
        formatted = content.get("formatted_body")
        if not isinstance(formatted, str) or bot_id[1:].partition(":")[0] not in formatted[:_LOOKED_AT]:
            return False
    relation = content.get("m.relates_to")
    if isinstance(relation, dict) and relation.get("rel_type") == "m.replace":
        return False
    return in_chat or command_in(content, bot_id, bot_name, in_chat=False) is not None


def command_in(content: Mapping[str, Any], bot_id: str, bot_name: str, *, in_chat: bool) -> str | None:
    """The command in a message, without the exclamation mark or the bot's name; None where there is none.

    Somebody who only calls the bot asks for help.
    """
    text = typed_text(content)
    called = _called(bot_id, bot_name, mentioned=bot_id in _mentions(content)).match(text)
    if called is not None:
        text = text[called.end() :]
    elif not text or not (in_chat or (_COMMAND.match(text) and not _is_code(content))):
        return None
    if text.startswith("`") and text.endswith("`"):
        text = text.strip("`")
    return text.lstrip("! ").strip() or "help"


def _is_code(content: Mapping[str, Any]) -> bool:
    """Whether a message begins with something shown as code: a command that is explained, not given."""
    formatted = content.get("formatted_body")
    return isinstance(formatted, str) and _CODE.match(formatted) is not None


def _mentions(content: Mapping[str, Any]) -> list[Any]:
    """The user ids that a message says it mentions (specification: m.mentions)."""
    mentions = content.get("m.mentions")
    user_ids = mentions.get("user_ids") if isinstance(mentions, dict) else None
    return user_ids if isinstance(user_ids, list) else []


@cache
def _beginnings(bot_name: str) -> tuple[str, ...]:
    """How a message for the bot may begin: a command, a mention, a quote or the bot's name."""
    return "!", "@", ">", bot_name.casefold() or "!"


@cache
def _called(bot_id: str, bot_name: str, *, mentioned: bool) -> re.Pattern[str]:
    """The bot's name at the beginning. A display name alone needs a colon behind it, unless it is a mention."""
    localpart, _, server = bot_id[1:].partition(":")
    by_id = rf"@{re.escape(localpart)}(?::{re.escape(server)})?(?![:.]?[\w=/+-])"
    by_name = rf"@?{re.escape(bot_name)}" + (r"(?!\w)" if mentioned else r"(?=\s?:)")
    either = rf"(?:{by_id}|{by_name})" if bot_name else by_id
    return re.compile(rf"\s*{either}[\s:,.]*", re.IGNORECASE)
