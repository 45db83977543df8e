"""The arguments that several commands take, each with the type that its reading gives."""

from __future__ import annotations

from typing import Annotated

from bridge.commands.asking.people import Unfound
from bridge.commands.asking.table import Argument, ArgumentType
from bridge.firm.model import Matter, Staff

MatterNamed = Annotated[Matter, Argument(ArgumentType.MATTER, "NUMBER")]
"""A matter, by its number."""
MatterHere = Annotated[Matter | None, Argument(ArgumentType.MATTER, "NUMBER", names_place=True)]
"""The same, left out in a conversation of the matter."""
ConversationNamed = Annotated[str, Argument(ArgumentType.TEXT, "TITLE", names_conversation=True)]
ConversationHere = Annotated[str, Argument(ArgumentType.TEXT, "TITLE", names_place=True, names_conversation=True)]
"""The title or number of a conversation of the matter before it, left out in that conversation."""
ChannelHere = Annotated[str, Argument(ArgumentType.NAME, "NAME", names_place=True)]
"""A channel's name, left out in the channel."""
Colleagues = Annotated[tuple[Staff, ...], Argument(ArgumentType.PEOPLE, "@person …")]
"""Colleagues, each of whom must be found."""
EachColleague = Annotated[tuple[Staff | Unfound, ...], Argument(ArgumentType.EACH, "@person …")]
"""Colleagues, and the words that name nobody, for an answer about each."""
OnePerson = Annotated[str, Argument(ArgumentType.TEXT, "@person")]
"""One person, leavers included; read by `bridge.commands.asking.asked_about`."""
Words = Annotated[str, Argument(ArgumentType.TEXT, "WORDS")]
"""Words to look for."""
OnOrOff = Annotated[str, Argument(ArgumentType.TEXT, "on|off")]
