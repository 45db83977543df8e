"""What people say to the bot that asks for nothing it can do: thanks, greetings, and sentences that are no command."""

from __future__ import annotations

import re
from collections.abc import Sequence

from bridge.commands.asking.examples import colleagues, examples_for, named_in
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
_COMPANY = re.compile(
    r"(?:start|begin)\s++(?:an?\s++)?(?:(?:new|private|direct|group)\s++)*+(?:chat|dm|message|conversation|talk)\b"
    r"(?:\s++(?:about|with|for)\b|\Z)",
    re.IGNORECASE,
)
_WORDS = re.compile(r"\w+")
_TRIED = 3
_LONGEST = 60
"""Characters of what is thanks or a greeting and nothing else."""
_WORDS_OF_SENTENCE = 2
_SLIP = 0.8
"""How alike the first word of a sentence must be to a command's to be taken for a slip of the finger (difflib)."""


def asks_for_company(text: str) -> bool:
    """Whether it is a sentence such as "start a chat with Grace", which is about no matter and is no title."""
    return _COMPANY.match(text) is not None


def small_talk(text: str, commands: Sequence[Command], firm: Firm, sender: Staff) -> str | None:
    """The answer, in Markdown, to what begins with no command; None where it looks like one that was mistyped."""
    typed = plain(as_typed(text)).strip(" .,!?:)")
    if len(typed) <= _LONGEST:
        if _THANKS.match(typed):
            return "You are welcome."
        if typed in _FINE:
            return "Good."
        if _GREETING.match(typed):
            return f"Hello {escape(sender.first_name or sender.name)}. {_tries(firm, sender)}"
    if not asks_for_company(text) and _is_mistyped(typed, commands):
        return None
    return f"I only know commands, and found none in that. {_tries(firm, sender, typed, commands)}"


def _is_mistyped(typed: str, commands: Sequence[Command]) -> bool:
    words = typed.split(maxsplit=_WORDS_OF_SENTENCE)
    if len(words) < _WORDS_OF_SENTENCE or family(words[0], commands):
        return True
    # The longer it is, the less a word in it that is a little like a command says.
    first = {name.split()[0] for command in commands for name in (command.name, *command.also)}
    return bool(
        closest(words[0], sorted(first), _SLIP) if len(words) > _WORDS_OF_SENTENCE else nearest(typed, commands)
    )


def _tries(firm: Firm, sender: Staff, typed: str = "", commands: Sequence[Command] = ()) -> str:
    """Three things to try: what the words ask for, then what most people come for."""
    words = set(_WORDS.findall(typed))
    named = named_in(words, firm, sender)
    wanted = sorted((one for one in commands if one.asked_by & words), key=lambda one: -len(one.asked_by & words))
    usual = [
        *_writing(firm, sender, named),
        "- `!matters` lists the matters you can see, and your conversations in them",
    ]
    tried = list(dict.fromkeys([*(_line(one, firm, sender, named) for one in wanted), *usual]))[: _TRIED - 1]
    return "\n".join(["Some things to try:\n", *tried, "- `!help` shows what you can ask me where you type it"])


def _line(command: Command, firm: Firm, sender: Staff, named: Sequence[Staff]) -> str:
    writing = _writing(firm, sender, named) if command.name == "dm" else []
    return writing[0] if writing else f"- {code(examples_for(command, firm, sender, named)[0])}: {command.summary}"


def _writing(firm: Firm, sender: Staff, named: Sequence[Staff]) -> list[str]:
    """How to write to somebody who is named, else to a colleague; nothing where there is none."""
    return [
        f"- {code(f'!dm @{plain(one.first_name)} Hello')} writes to {escape(one.name)}"
        for one in [*named, *colleagues(firm, sender)][:1]
    ]
