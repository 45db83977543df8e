"""Programs, told by the first bytes of a file (V4). Pure.

Only what is certain: encrypted attachments look like chance, and a text may begin with any two letters.
"""

from __future__ import annotations

HEAD_BYTES = 4096
"""How much of a file's beginning is looked at."""

WINDOWS = "application/vnd.microsoft.portable-executable"
LINUX = "application/x-elf"
MACOS = "application/x-mach-binary"
JAVA = "application/java-vm"
SCRIPT = "application/x-shellscript"
SHORTCUT = "application/x-ms-shortcut"

_ELF = b"\x7fELF"
_MACH_O = frozenset({b"\xfe\xed\xfa\xce", b"\xfe\xed\xfa\xcf", b"\xce\xfa\xed\xfe", b"\xcf\xfa\xed\xfe"})
_MACH_O_OR_JAVA = b"\xca\xfe\xba\xbe"
_OLDEST_JAVA = 45
"""The least version of a Java class. A Mach-O file of several machines has their number in that place."""
_SHORTCUT = bytes.fromhex("4c0000000114020000000000c000000000000046")
_FARTHEST_HEADER = 1 << 28
"""Text in the place of the header's offset stands for a larger number."""


def program_in(head: bytes) -> str:
    """The media type of the program that a file is by its first HEAD_BYTES; empty where nothing certain is known."""
    four = head[:4]
    if four == _ELF:
        return LINUX
    if four in _MACH_O:
        return MACOS
    if four == _MACH_O_OR_JAVA:
        return JAVA if int.from_bytes(head[4:8]) >= _OLDEST_JAVA else MACOS
    if head.startswith(_SHORTCUT):
        return SHORTCUT
    if head[:2] == b"#!" and head[2:].lstrip(b" \t")[:1] == b"/":
        return SCRIPT
    return WINDOWS if head[:2] == b"MZ" and _has_windows_header(head) else ""


def _has_windows_header(head: bytes) -> bool:
    """Whether the offset at 60 leads to the header of a program, or so far that it cannot be seen here."""
    if len(head) < 64:
        return False
    at = int.from_bytes(head[60:64], "little")
    if at + 4 <= len(head):
        return head[at : at + 4] == b"PE\0\0" or head[at : at + 2] in {b"NE", b"LE", b"LX"}
    return len(head) >= HEAD_BYTES and at < _FARTHEST_HEADER
