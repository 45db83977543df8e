"""What people say to the bot that asks for nothing it can do: thanks, greetings, and sentences that are no command."""

from __future__ import annotations

import re

from bridge.commands.asking.examples import colleagues
from bridge.commands.asking.nearest import family, nearest
from bridge.commands.asking.table import Command
from bridge.firm.model import Firm, Staff
from bridge.firm.names import plain
from bridge.mapping.marks import as_typed
from bridge.mapping.near import closest
from bridge.wording.markdown import code, escape

_THANKS = re.compile(r"(?:ok(?:ay)? |great |perfect )?(?:many )?(?:thanks|thank you|thankyou|thx|cheers|ta)\b")
_FINE = frozenset({"ok", "okay", "great", "perfect", "done", "got it", "brilliant", "super", "lovely", "👍", "🙏"})
_GREETING = re.compile(r"(?:hello|hi|hey|good (?:morning|afternoon|evening|day)|morning)\b")
_LONGEST = 60
"""Characters of what is thanks or a greeting and nothing else."""
_WORDS_OF_SENTENCE = 2
_SLIP = 0.8
"""How alike the first word of a sentence must be to a command's to be taken for a slip of the finger (difflib)."""


def small_talk(text: str, commands: tuple[Command, ...], firm: Firm, sender: Staff) -> str | None:
    """The answer, in Markdown, to what begins with no command; None where it looks like one that was mistyped."""
    typed = plain(as_typed(text)).strip(" .,!?:)")
    if len(typed) <= _LONGEST:
        if _THANKS.match(typed):
            return "You are welcome."
        if typed in _FINE:
            return "Good."
        if _GREETING.match(typed):
            return f"Hello {escape(sender.first_name or sender.name)}. {_tries(firm, sender)}"
    words = typed.split(maxsplit=_WORDS_OF_SENTENCE)
    if len(words) < _WORDS_OF_SENTENCE or family(words[0], commands):
        return None
    # The longer it is, the less a word in it that is a little like a command says.
    first = {name.split()[0] for command in commands for name in (command.name, *command.also)}
    if closest(words[0], sorted(first), _SLIP) if len(words) > _WORDS_OF_SENTENCE else nearest(typed, commands):
        return None
    return f"I only know commands, and found none in that. {_tries(firm, sender)}"


def _tries(firm: Firm, sender: Staff) -> str:
    somebody = [
        f"- {code(f'!dm @{plain(one.first_name)} Hello')} writes to {escape(one.name)}"
        for one in colleagues(firm, sender)[:1]
    ]
    return "\n".join(
        [
            "Some things to try:\n",
            *somebody,
            "- `!matters` lists the matters you can see, and your conversations in them",
            "- `!help` shows what you can ask me where you type it",
        ]
    )
