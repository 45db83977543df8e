"""Which characters of a name are seen: one answer for channels, matters, people and files. Pure.

Unicode gets new characters every year, so what a character is, is asked of a library that follows it. Characters that
are not seen by themselves are text where they belong to what is: joiners in the scripts that join letters (RFC 5892,
appendix A), joiners, selectors and tags in emoji (UTS 51), and selectors behind what has variants.

The guard does without this module: Synapse's environment has no such library.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

_PLAIN = r"\p{Latin}\p{Greek}\p{Cyrillic}\p{Armenian}\p{Georgian}\p{Hebrew}\p{Han}\p{Hangul}\p{Hiragana}\p{Katakana}"
"""Scripts in which a joiner between letters says nothing."""
_EMOJI = r"""
    (?: [0-9\#*]\uFE0F?\u20E3
      | \p{Regional_Indicator}{2}
      | \U0001F3F4[\U000E0030-\U000E0039\U000E0061-\U000E007A]{1,6}\U000E007F
      | \p{Extended_Pictographic}[\uFE0E\uFE0F]?\p{Emoji_Modifier}?
    )
"""
_PIECE = regex.compile(
    rf"""(?V1x)
    {_EMOJI}(?:\u200D{_EMOJI})*
  | (?<=[\p{{L}}--[{_PLAIN}]]\p{{M}}{{0,4}})\p{{Join_Control}}(?!\p{{Join_Control}})
  | (?<=[^{_PLAIN}\s\p{{C}}\p{{Default_Ignorable_Code_Point}}])\p{{Variation_Selector}}
  | (?<=\p{{Han}})\p{{Variation_Selector}}
  | (?P<unseen>
        [\p{{Default_Ignorable_Code_Point}}\p{{Noncharacter_Code_Point}}\p{{Cc}}\p{{Co}}\p{{Cs}}\p{{Zl}}\p{{Zp}}]
      | [\p{{Cf}}--\p{{Prepended_Concatenation_Mark}}]
      | (?<![\u2801-\u28FF])\u2800(?![\u2801-\u28FF])
    )
    """
)
"""What belongs together; alone, a character that is not seen. A blank of Braille is one only between its letters."""
_NOTHING = regex.compile(r"[\s\p{M}\p{Z}\u2800]*")


def shown(text: str, unseen: str | Callable[[str], str] = "\N{REPLACEMENT CHARACTER}") -> str:
    """The text with a mark, or with what a function says, for each character that is not seen."""
    if text.isascii() and text.isprintable():
        return text

    def piece(found: regex.Match[str]) -> str:
        hidden = found["unseen"]
        if hidden is None:
            return str(found[0])
        return unseen if isinstance(unseen, str) else unseen(hidden)

    return str(_PIECE.sub(piece, text))


def unseen_in(text: str) -> str:
    """The characters that are not seen and say nothing."""
    found: list[str] = []

    def note(character: str) -> str:
        found.append(character)
        return ""

    shown(text, note)
    return "".join(found)


def says_something(text: str) -> bool:
    """Whether anything of the text is seen."""
    return _NOTHING.fullmatch(shown(text, "")) is None
