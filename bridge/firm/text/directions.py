"""Names that are written from right to left, kept apart from the sentence that they stand in. Pure.

What stands between two such names is read from right to left as well, which turns a list of them round, or a name and
its number (Unicode Standard Annex 9, section 2.4.1: isolates). Names as data are never changed.
"""

from __future__ import annotations

import re
from typing import Final

_BEGIN, _END = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_TURNING = "\u202a-\u202e\u2066-\u2069"
_TURNS = re.compile(f"[{_TURNING}]")
_RIGHT_TO_LEFT = re.compile(
    f"[{_TURNING}\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefe\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""What turns writing, and the blocks that are for scripts from right to left (UAX 44, DerivedBidiClass.txt)."""
UNTURNED: Final = dict.fromkeys(map(ord, (_BEGIN, _END)))
"""For translate: leaves out what keeps a name apart, where names are compared."""
APART: Final = re.compile(f"({_BEGIN}[^{_TURNING}]*{_END})")
"""What is kept apart already. Nothing in it turns what stands around it."""


def apart(text: str) -> str:
    """A name as it stands in a sentence. What turns writing is shown as a mark: it might end what keeps it apart."""
    if text.isascii():
        return text
    return "".join(one if APART.fullmatch(one) else _kept_apart(one) for one in APART.split(text))


def _kept_apart(text: str) -> str:
    if not _RIGHT_TO_LEFT.search(text):
        return text
    marked = _TURNS.sub("\N{REPLACEMENT CHARACTER}", text)
    return f"{_BEGIN}{marked}{_END}"


def together(text: str) -> str:
    """The same as it was, for programs."""
    return APART.sub(lambda found: found[0][1:-1], text)
