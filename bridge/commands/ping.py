"""A sign of life."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command
from bridge.wording.markdown import escape


async def _ping(call: Call, text: Annotated[str, Argument(ArgumentType.WORDS, "TEXT")] = "") -> Answer:
    return _pong(call, text)


def _pong(_: Call, text: str = "") -> Answer:
    return Answer(f"pong {escape(text)}".rstrip())


PING = Command(
    "ping",
    "See whether I am there",
    _ping,
    help="Answers pong, with your text.",
    examples=("!ping", "!ping good morning"),
    here=True,
    from_memory=_pong,
    group="About",
    where=frozenset(),
)
