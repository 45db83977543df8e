"""The names of folders and files in the cabinet: safe on any file system, and no two the same. Pure.

What is safe is the least that Windows, macOS, Linux and the stores behind fsspec have in common: Windows keeps names of
devices and nine characters for itself and cuts off dots and blanks at the end, macOS and Windows take names that differ
in case for one, fsspec reads square brackets as a pattern, and a WebDAV address ends at a number sign, for some servers
at a semicolon too.
"""

from __future__ import annotations

import re
import unicodedata

from bridge.firm.text.visible import shown

FILE_BYTES = 120
"""The longest name of a file, in bytes of UTF-8, its end and number included."""
FOLDER_BYTES = 64
"""The longest name of a folder. A path in the cabinet has at most 250 bytes: Windows opens 260 characters."""
_END_BYTES = 20
INDEX = "index.csv"
"""The list of a folder's files, in the folder."""
RESERVED = frozenset({INDEX, "transcript.pdf", "transcript.html"})
"""What the bridge itself writes into a folder."""
WORK_FOLDER = ".filing"
"""Where files are written before they get their names. No safe name begins with a dot."""

_UNSAFE = re.compile(r'[/\\:*?"<>|\[\]#%;\x00-\x1f\x7f]')
_BLANK = re.compile(r"\s+")
_JOINERS = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]")
"""What joins letters and emoji to one sign, or chooses among its forms. Some file systems pass over it."""
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)(?=\s*(?:\.|$))", re.IGNORECASE)


def safe_name(given: str, longest: int = FILE_BYTES) -> str:
    """A file's name as it can stand in the cabinet: at most `longest` bytes, its end (such as .pdf) kept."""
    name = _clean(given)
    # An added sign may make a name too long, and a shortened one may end or begin in another way.
    for _ in range(3):
        name = _shortened(name, longest)
        if _DEVICE.match(name):
            name = f"_{name}"
    return name or "file"


def safe_folder(*parts: str) -> str:
    """A folder's name of the parts that are not empty, in at most FOLDER_BYTES."""
    name = _clean(" ".join(filter(None, parts)))
    for _ in range(3):
        name = _trimmed(_cut(name, FOLDER_BYTES))
        if _DEVICE.match(name):
            name = f"_{name}"
    return name or "folder"


def numbered(name: str, number: int, longest: int = FILE_BYTES) -> str:
    """A safe name's n-th version: `Name (2).pdf`; the first is the name itself."""
    if number == 1:
        return name
    stem, end = _split(name)
    mark = f" ({number})"
    left = longest - len(mark.encode()) - len(end.encode())
    return f"{_cut(stem, left).rstrip(' .')}{mark}{end}"


def numbered_folder(name: str, number: int) -> str:
    """A folder's n-th version, for a second one that would have the same name."""
    mark = f" ({number})" if number > 1 else ""
    return f"{_cut(name, FOLDER_BYTES - len(mark)).rstrip(' .')}{mark}"


def name_key(name: str) -> str:
    """What makes two names the same on some file system: neither case nor the form of accents counts, nor joiners."""
    return unicodedata.normalize("NFC", _JOINERS.sub("", unicodedata.normalize("NFKC", name)).casefold())


def _clean(given: str) -> str:
    """In composed form, without what is not shown; what no name may have becomes a low line, blanks become one."""
    seen = shown(_BLANK.sub(" ", unicodedata.normalize("NFC", given)), "")
    return _trimmed(_BLANK.sub(" ", _UNSAFE.sub("_", unicodedata.normalize("NFC", seen))))


def _trimmed(name: str) -> str:
    """Without dots and blanks at its ends: Windows cuts them off, and a dot in front hides a file."""
    return name.strip(" .")


def _split(name: str) -> tuple[str, str]:
    """The name before its end, and the end with its dot; an end that is long is none."""
    stem, dot, end = name.rpartition(".")
    known = stem and dot and end and " " not in end and len(end.encode()) < _END_BYTES
    return (stem, f".{end}") if known else (name, "")


def _shortened(name: str, longest: int) -> str:
    stem, end = _split(name)
    return _trimmed(_cut(stem, longest - len(end.encode())).rstrip(" .") + end)


def _cut(text: str, longest: int) -> str:
    """The beginning of a text that has at most so many bytes of UTF-8, with no half of a character nor of a sign."""
    return shown(text.encode()[: max(longest, 0)].decode(errors="ignore"), "")
