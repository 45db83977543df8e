"""Every setting there is, by its key."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Literal, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bridge.settings import Settings


def setting_fields() -> dict[str, FieldInfo]:
    """Every setting's declaration by section.key, in the order of declaration."""
    return {f"{name}.{key}": field for name, section in sections() for key, field in section.model_fields.items()}


def sections() -> Iterator[tuple[str, type[BaseModel]]]:
    """Every section with its name, in the order of declaration."""
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            yield name, field.annotation


def meaning(field: FieldInfo) -> str:
    """What a setting is for, and what it may be where that is one of a few words."""
    text = field.description or ""
    if get_origin(field.annotation) is not Literal:
        return text
    *others, last = (f"`{value}`" for value in get_args(field.annotation))
    return f"{text} It is {', '.join(others)} or {last}."


def suggest(written: str, known: set[str]) -> str:
    close = difflib.get_close_matches(written, sorted(known), n=1, cutoff=0.7)
    return f" Did you mean {close[0]}?" if close else " Take it out; docs/settings.md lists every setting."
