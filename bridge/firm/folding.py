"""Text as it is compared where people should not have to type it exactly. Pure."""

from __future__ import annotations

import unicodedata

_APOSTROPHES = str.maketrans("’‘ʼ´`", "'''''")


def folded(text: str) -> str:
    """A text without regard to case, accents and how characters are composed."""
    decomposed = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(one for one in decomposed if not unicodedata.combining(one))


def folded_name(name: str) -> str:
    """A person's name folded, also without regard to blanks and to the kind of apostrophe that a keyboard gives."""
    # Before folding, which would make two characters of the acute accent.
    return " ".join(folded(name.translate(_APOSTROPHES)).split())
