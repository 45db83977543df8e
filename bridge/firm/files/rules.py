"""The firm's rules about files: how large, of what type by name and by content, and under what names (V4). Pure.

The guard asks them before a file's message is made, and the bridge where there is no guard, and again when it has seen
the bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bridge.firm.files import bytes as file_bytes
from bridge.firm.files.carried import FILE_MESSAGES, blocks_in
from bridge.firm.files.names import LONGEST_NAME, PROGRAMS, hides_its_type, type_shown_before, types_of
from bridge.firm.policy import Decision
from bridge.firm.rules import FileRule

MEGABYTE = 1 << 20
"""As Windows and Synapse count."""

_PROGRAM_CONTENT: Mapping[str, str] = {
    file_bytes.WINDOWS: "a Windows program",
    file_bytes.LINUX: "a Linux program",
    file_bytes.MACOS: "a macOS program",
    file_bytes.JAVA: "a Java program",
    file_bytes.SCRIPT: "a script",
    file_bytes.SHORTCUT: "a Windows shortcut",
    "application/x-msdownload": "a Windows program",
    "application/x-dosexec": "a Windows program",
    "application/x-msdos-program": "a Windows program",
    "application/x-msi": "an installer",
    "application/x-executable": "a Linux program",
    "application/x-sharedlib": "a Linux program",
    "application/x-mach-o-executable": "a macOS program",
    "application/java-archive": "a Java program",
    "application/x-java-applet": "a Java program",
    "application/x-sh": "a script",
    "text/x-shellscript": "a script",
    "application/hta": "a script",
}
"""Media types of programs, as bytes are recognised and as clients declare them, with what they are in words."""
_NAMED_TYPES = 12
_LONGEST_TYPE = 80
_YES = Decision(True, "V4", "The firm's rules allow this file.")
_OTHERWISE = "Send it in another form, such as a PDF, or ask a firm admin."


@dataclass(frozen=True, slots=True)
class FileRules:
    """What the firm allows. A type is the end of a name without its dot, as `pdf`; or a media type, as `video/mp4` or
    `video/*`, which is compared with what the bytes are and what the message says."""

    max_bytes: int = 0
    """0 for no limit."""
    programs: bool = False
    """Whether programs, scripts and shortcuts may be sent. Where not, one may be all the same whose type is allowed."""
    forbidden: frozenset[str] = field(default_factory=frozenset)
    allowed: frozenset[str] = field(default_factory=frozenset)
    """Only these; empty for all that are not forbidden. Names and media types are lists of their own."""
    encrypted: bool = True
    """Whether files may be sent that the sender's client encrypted, into which nothing can look."""


@dataclass(frozen=True, slots=True)
class Declared:
    """A file as the message that carries it describes it."""

    name: str
    media_type: str = ""
    """Empty where the message gives none."""
    size: int | None = None
    """Bytes; None where the message gives none."""
    encrypted: bool = False


def declared_in(content: Mapping[str, Any]) -> Declared | None:
    """The file that the content of a message carries; None where it carries none.

    Values of the wrong type count as absent. The name is `filename`, and `body` where that is not there (specification:
    m.room.message, captions).
    """
    if content.get("msgtype") not in FILE_MESSAGES:
        return None
    given = content.get("info")
    info = given if isinstance(given, Mapping) else {}
    size = info.get("size")
    return Declared(
        name=_text(content.get("filename")) or _text(content.get("body")),
        media_type=_text(info.get("mimetype")),
        size=size if type(size) is int and size >= 0 else None,
        encrypted=isinstance(content.get("file"), Mapping),
    )


def all_declared_in(content: Mapping[str, Any]) -> tuple[Declared, ...]:
    """The files that a message carries: its own, under each of its names, and those of its new content in an edit."""
    new = content.get("m.new_content")
    contents = (content, new) if isinstance(new, Mapping) else (content,)
    found: list[Declared] = []
    for each in contents:
        if (file := declared_in(each)) is not None:
            found += [file, *(_once_more(file, block) for block in blocks_in(each))]
    return tuple(found)


def _once_more(file: Declared, block: Mapping[str, Any]) -> Declared:
    """A file under the name that a block of its message gives it, for clients that read those (MSC1767)."""
    name = _text(block.get("name")) or _text(block.get("filename"))
    return replace(file, name=name, media_type=_text(block.get("mimetype")))


def judge_declared(file: Declared, rules: FileRules) -> Decision:
    """Whether a file may be sent, by what its message says of it.

    The decision's reason is a sentence for whoever sends it: what is wrong, and what to do. Its rule is V4 and a word.
    """
    if file.encrypted and not rules.encrypted:
        return _no(
            "V4 encryption",
            "Your client encrypted this file, so the firm's rules cannot be checked on it. Send it without encryption,"
            " or from another client.",
        )
    judged = (judge_name(file.name, rules), judge_size(file.size, rules), judge_type(file.media_type, rules))
    return next((decision for decision in judged if not decision), _YES)


def judge_message(content: Mapping[str, Any], rules: FileRules) -> Decision:
    """Whether a message may be sent, by what it says of the files it carries. One without files may."""
    judged = (judge_declared(file, rules) for file in all_declared_in(content))
    return next((decision for decision in judged if not decision), _YES)


def judge_found(file: Declared, found_type: str, found_size: int | None, rules: FileRules) -> Decision:
    """Whether a file may stay, by its message and by what it is.

    `found_type` is the media type by the bytes, empty where they tell none; `found_size` their number, None where it is
    not known.
    """
    judged = (judge_declared(file, rules), judge_size(found_size, rules), judge_type(found_type, rules))
    return next((decision for decision in judged if not decision), _YES)


def judge_bytes(head: bytes, rules: FileRules) -> Decision:
    """Whether a file may be uploaded, by its first bytes (file_bytes.HEAD_BYTES of them)."""
    return judge_type(file_bytes.program_in(head), rules)


def judge_size(size: int | None, rules: FileRules) -> Decision:
    """Whether a file of so many bytes may be sent; None for one whose size is not known."""
    if not rules.max_bytes or size is None or size <= rules.max_bytes:
        return _YES
    return _no(
        "V4 size",
        f"This file has {_megabytes(size)}; at most {_megabytes(rules.max_bytes)} may be sent here. Send a smaller one,"
        " or ask a firm admin for another way.",
    )


def judge_type(media_type: str, rules: FileRules) -> Decision:
    """Whether a file of this media type may be sent; empty for one whose type is not known."""
    found = media_type.partition(";")[0].strip().casefold()
    if not found:
        return _YES
    if found in _PROGRAM_CONTENT:
        if not rules.programs:
            what = _PROGRAM_CONTENT[found]
            return _no("V4 content", f"This file is {what}, which may not be sent here under any name. {_OTHERWISE}")
        return _YES
    wanted = [one for one in rules.allowed if "/" in one]
    if not _matches(found, rules.forbidden) and (not wanted or _matches(found, wanted)):
        return _YES
    return _no(
        "V4 content",
        f"This file's content is of the type {found[:_LONGEST_TYPE]}, which may not be sent here. {_OTHERWISE}",
    )


def judge_name(name: str, rules: FileRules) -> Decision:
    """Whether a file may be sent under this name. One without a name may."""
    if len(name) > LONGEST_NAME:
        return _no(
            "V4 name",
            f"This file's name has {len(name)} characters; at most {LONGEST_NAME} fit. Give it a shorter one.",
        )
    if how := hides_its_type(name):
        return _no("V4 name", f"This file's name {how}. Give it a plain name, such as letter.pdf, and send it again.")
    types = types_of(name)
    refused = next((one for one in types if _is_forbidden(one, rules)), "")
    if refused and (shown := type_shown_before(name)):
        return _no(
            "V4 double extension",
            f"This file looks like .{shown}, but its type is .{refused}, which may not be sent here. {_OTHERWISE}",
        )
    if refused:
        return _no("V4 type", f"Files of the type .{refused} may not be sent here. {_OTHERWISE}")
    wanted = sorted(one for one in rules.allowed if "/" not in one)
    if not name or not wanted or (types and set(types) <= set(wanted)):
        return _YES
    which = f"Files of the type .{types[-1]}" if types else "Files whose name has no type at its end"
    return _no("V4 type", f"{which} may not be sent here. These may: {_listed(wanted)}.")


def _no(rule: FileRule, sentence: str) -> Decision:
    return Decision(False, rule, sentence)


def _is_forbidden(end: str, rules: FileRules) -> bool:
    return end in rules.forbidden or (end in PROGRAMS and not rules.programs and end not in rules.allowed)


def _matches(media_type: str, patterns: Iterable[str]) -> bool:
    return not {media_type, media_type.partition("/")[0] + "/*"}.isdisjoint(patterns)


def _listed(types: Sequence[str]) -> str:
    more = f" and {len(types) - _NAMED_TYPES} more" if len(types) > _NAMED_TYPES else ""
    return ", ".join(f".{one}" for one in types[:_NAMED_TYPES]) + more


def _megabytes(size: int) -> str:
    """Rounded up, so that what is too large never reads like what is allowed."""
    tenths = -(-size * 10 // MEGABYTE)
    return f"{tenths / 10:.1f}".removesuffix(".0") + " MB"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
