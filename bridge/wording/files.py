"""Files in words: how large, and of what kind."""

from __future__ import annotations

from bridge.mapping.files import extension, shown_name

_UNITS = ("kB", "MB", "GB", "TB")


def size(count: int | None) -> str:
    """A number of bytes in plain units; empty where it is not known."""
    if count is None:
        return ""
    if count < 1000:
        return "1 byte" if count == 1 else f"{count} bytes"
    amount = float(count)
    for unit in _UNITS:
        amount /= 1000
        if amount < 999.5 or unit == _UNITS[-1]:
            break
    return f"{amount:.1f} {unit}" if amount < 9.95 else f"{amount:.0f} {unit}"


def type_of(name: str, media_type: str, kind: str) -> str:
    """What kind of file it is: the ending of its name, else its media type, else what the message calls it."""
    return shown_name(extension(name)).upper() or media_type or kind


def mark_of(kind: str) -> str:
    """What `type_of` found, in the four letters that fit where a picture would be: of a media type those of its end."""
    return kind.rpartition("/")[2][:4]
