"""What spreadsheets make of values on their way into CSV: undone where it is sure what was meant, else said. Pure."""

from __future__ import annotations

import re

from bridge.directory.problems import quoted

_AS_TEXT = re.compile(r'="([^"]*)"')
"""How text that looks like a number is written so that a spreadsheet leaves it alone."""
_ARMED = re.compile(r"'(?=[=+@\-0-9])")
"""The apostrophe before what a spreadsheet would take for a number or a formula."""
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|NAME\?|DIV/0!|NULL!|NUM!|SPILL!|CALC!)|Err:[0-9]{3}|#{3,}")
_SHORTENED = re.compile(r"-?[0-9](?:[.,][0-9]+)?E\+[0-9]{2,}")


def as_meant(written: str) -> str:
    """A value without the marks by which it stays text in a spreadsheet."""
    if written[:1] not in {"=", "'"}:
        return written
    if found := _AS_TEXT.fullmatch(written.strip()):
        return found[1]
    return written[1:] if _ARMED.match(written) else written


def damage(value: str) -> str:
    """What a spreadsheet did to a value, and what to do; empty for nothing."""
    text = value.strip()
    if text.startswith("="):
        return f"{quoted(text)} is a formula. Export what it comes to."
    if _ERROR.fullmatch(text):
        return f"{quoted(text)} is what the spreadsheet shows for a value that it cannot. Put that right there."
    if _SHORTENED.fullmatch(text):
        return (
            f"{quoted(text)} is a long number of which the spreadsheet dropped the end. Format the column as text"
            " there, and fill it in again."
        )
    return ""
