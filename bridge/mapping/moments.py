"""Moments as a clock on the wall shows them, told apart where it shows the same twice. Pure."""

from __future__ import annotations

from datetime import datetime


def in_words(local: datetime, form: str) -> str:
    """A local moment in the form of strftime; with its offset in the hours that come twice when clocks go back."""
    shown = local.strftime(form)
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    if not twice:
        return shown
    offset = local.strftime("%z")
    return f"{shown} UTC{offset[:3]}:{offset[3:5]}"
