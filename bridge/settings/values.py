"""Kinds of values that settings have."""

from __future__ import annotations

import re
from ipaddress import ip_network
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError

EXAMPLE_SECRET = "change-me"  # noqa: S105 - the value that is refused

Percent = Annotated[int, Field(ge=0, le=100)]
Port = Annotated[int, Field(ge=1, le=65535)]
Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Secret = Annotated[SecretStr, Field(min_length=16)]


def _time_of_day(given: Any) -> str:
    # YAML reads an unquoted 10:30 as a number in base 60, and 08:30 as text.
    text = f"{given // 60:02}:{given % 60:02}" if type(given) is int else str(given)
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", text):
        raise PydanticCustomError("time_of_day", "It must be hours and minutes, such as 08:00")
    return text


def _network(given: Any) -> str:
    try:
        return str(ip_network(str(given), strict=False))
    except ValueError:
        raise PydanticCustomError("network", "It must be a network, such as 10.0.3.0/24") from None


Network = Annotated[str, BeforeValidator(_network)]
TimeOfDay = Annotated[str, BeforeValidator(_time_of_day)]


class Section(BaseModel):
    """A section of the configuration."""

    # Numbers as text, because YAML reads an unquoted room_version: 11 as a number.
    model_config = ConfigDict(extra="forbid", frozen=True, coerce_numbers_to_str=True)
