"""What somebody may have meant by a word that names nothing."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LONGEST = 60
"""Characters of a word that are compared; nothing that is suggested is much longer."""
_NEAR = 0.6
"""How alike two words must be (difflib: 1 is the same), so that a slip of one or two letters is forgiven."""


def closest(word: str, known: Iterable[str], near: float = _NEAR) -> str:
    """The known word that is most like this one; empty where none is."""
    return next(iter(difflib.get_close_matches(word[:_LONGEST], known, n=1, cutoff=near)), "")
