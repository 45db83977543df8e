"""What a person is told whose request was refused, in Markdown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Formatter
from typing import Any

from bridge.refusal import CommandError, Kind, Refusal
from bridge.wording.markdown import enumerated, escape, repeated

Sentence = str | Callable[..., str]
"""A text with facts in braces, each shown as it is, or with `:typed` as far as an answer repeats what was typed; or a
function of facts, for a sentence that differs by them, which escapes them itself."""

SENTENCES: Mapping[Kind, Sentence] = {
    # Who may ask
    Kind.COMMAND_FOR_ADMINS: "`!{command}` is for firm admins.",
    Kind.LIST_FOR_ADMINS: "That list is for firm admins.",
    Kind.PINS_FOR_ADMINS: "In this firm the firm admins pin and unpin messages.",
    # The panel
    Kind.NO_PANEL: "There is no panel in this firm. Your firm admin can set it up (panel.url in the configuration).",
}


def worded(error: Refusal | CommandError) -> str:
    """What to tell whoever asked."""
    if isinstance(error, CommandError):
        return str(error)
    sentence = SENTENCES[error.kind]
    return _FACTS.vformat(sentence, (), error.facts) if isinstance(sentence, str) else sentence(**error.facts)


class _Facts(Formatter):
    """Puts facts into a sentence so that each shows as it is."""

    def format_field(self, value: Any, format_spec: str) -> str:
        """One fact; several words are listed."""
        if isinstance(value, tuple):
            return enumerated([escape(one) for one in value])
        return repeated(value) if format_spec == "typed" else escape(str(value))


_FACTS = _Facts()
