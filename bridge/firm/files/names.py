"""What a file's name says of its type, under whatever decoration, and names that hide it (V4). Pure."""

from __future__ import annotations

import re
import unicodedata

LONGEST_NAME = 255
"""Characters that a file's name has at most in the file systems of the day."""
_WINDOWS = (
    "ade adp app application appref-ms appx appxbundle bat chm cmd com cpl diagcab dll exe gadget hlp hta inf ins isp"
    " jar jnlp js jse library-ms lnk mde msc msh msi msix msixbundle msp mst pif ps1 ps1xml ps2 ps2xml psc1 psc2 psm1"
    " reg scf scr sct search-ms settingcontent-ms shb shs sys theme url vb vbe vbs website ws wsc wsf wsh xbap xll"
)
_MACOS = "action command mpkg pkg scpt scptd terminal workflow"
_LINUX_AND_OTHERS = "apk appimage bash class csh deb desktop ksh py pyc pyw pyz rpm run sh zsh"
PROGRAMS = frozenset(f"{_WINDOWS} {_MACOS} {_LINUX_AND_OTHERS}".split())
"""Types, by the end of a name, that run or install something when they are opened."""

_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that turn the writing around, so that a name can show another end than it has."""
_NOT_SHOWN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Kinds of characters, as Unicode sorts them, that are nothing to see."""
_NEVER_IN_NAMES = _NOT_SHOWN - {"Cf"}
"""Some of kind Cf join or part letters in Persian, in the scripts of India and in Thai, as they should."""
_CUT_OFF = "." + "".join(character for character in map(chr, range(0x3001)) if character.isspace())
"""What Windows cuts off at the end of a name."""
_DEVICE = re.compile(r"con|prn|aux|nul|com[1-9]|lpt[1-9]|conin\$|conout\$")
"""Names that Windows keeps for itself, whatever stands behind their first dot."""
_TYPE = re.compile(r"[a-z0-9][a-z0-9_+-]{0,20}")
_SHOWN_TYPE = re.compile(r"(?=[0-9]*[a-z])[a-z0-9]{2,5}")
"""A type as people know types, and no number or initial behind a dot."""
_CLASS_ID = re.compile(r"\{[0-9a-f-]{36}\}")
"""An end by which Windows chooses what opens a file, and which it does not show."""


def type_of(name: str) -> str:
    """The end of a name as a system would see it: small letters without the dot; empty where it has none.

    What is not shown or is cut off when a file is saved is passed over: control characters, marks, dots and blanks at
    the end, wide forms of letters.
    """
    _, dot, end = _plain(name).rpartition(".")
    return end if dot and _TYPE.fullmatch(end) else ""


def types_of(name: str) -> tuple[str, ...]:
    """The types of the file and of each stream of it that the name could be taken to mean, as in a.txt:b.exe."""
    return tuple(found for part in _plain(name).split(":") if (found := type_of(part)))


def type_shown_before(name: str) -> str:
    """The type that stands before the last one, as the pdf of a.pdf.exe; empty where there is none."""
    front, _, _ = _plain(name).rpartition(".")
    found = type_of(front)
    return found if _SHOWN_TYPE.fullmatch(found) else ""


def hides_its_type(name: str) -> str:
    """How a name hides what the file is, or cannot be saved, as the end of a sentence; empty where it does not."""
    if not _TURNING.isdisjoint(name):
        return "has marks in it that turn the writing around"
    if not _is_simple(name) and any(unicodedata.category(character) in _NEVER_IN_NAMES for character in name):
        return "has characters in it that cannot be shown"
    plain = _plain(name)
    end = plain.rpartition(".")[2]
    last = name.rpartition(".")[2]
    if not _is_simple(last) and type_of(name) and any(unicodedata.category(character) == "Cf" for character in last):
        return "has a mark in its last part that cannot be seen"
    if name != name.rstrip(_CUT_OFF) and "." in plain and _SHOWN_TYPE.fullmatch(end):
        return "ends with a dot or a blank"
    if _CLASS_ID.fullmatch(end):
        return "ends with a code that is not shown"
    if plain.endswith(":$data"):
        return "has a colon behind its type"
    return "is one that Windows keeps for itself" if _DEVICE.fullmatch(plain.partition(".")[0].rstrip()) else ""


def _plain(name: str) -> str:
    """The name in small letters, without what is not shown, and without what is cut off at its end."""
    if _is_simple(name):
        return name.lower().rstrip(_CUT_OFF)
    shown = "".join(character for character in name if unicodedata.category(character) not in _NOT_SHOWN)
    return unicodedata.normalize("NFKC", shown).casefold().rstrip(_CUT_OFF)


def _is_simple(name: str) -> bool:
    """Whether each character of a name is what it seems to be, as in most names of files."""
    return name.isascii() and name.isprintable()
