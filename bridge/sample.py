"""The configuration file as text, made from the declaration of the settings, so that it always says what is true."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from bridge.settings import EXAMPLE_SECRET
from bridge.settings.fields import meaning, sections, setting_fields

_WIDTH = 110
_HEADING = """\
# The configuration of firm-bridge.
#
# A line such as "# level: info" shows a setting's default; take away the number sign to change it. Every setting can
# also be given in the environment: FIRM_BRIDGE_HOMESERVER__URL overrides url in the section homeserver. Relative paths
# start at this file's folder. The file contains secrets: only the bridge's own user may read it.
"""
SECRETS = ("appservice.as_token", "appservice.hs_token", "security.alias_key")
"""The settings that every installation has its own random values for."""
GUARD_KEY = "guard.key"
"""A secret that a new installation gets as well, and may take out where Synapse runs without the guard."""
ESSENTIAL = (
    "homeserver.url",
    "homeserver.server_name",
    "appservice.url",
    "firm.name",
    "directory.path",
    "database.url",
)
"""The settings that every installation has to look at."""


def configuration_yaml(values: Mapping[str, Any]) -> str:
    """A configuration with a comment at every setting. `values`, by section.key, are set; the others are shown."""
    return "\n".join([_HEADING, *(_section(name, model.__doc__ or "", values) for name, model in sections())])


def sample_yaml() -> str:
    """The sample: essential settings at their defaults, and example secrets that the bridge refuses."""
    fields = setting_fields()
    values = {key: plain(fields[key].default) for key in ESSENTIAL}
    return configuration_yaml({**values, **dict.fromkeys(SECRETS, EXAMPLE_SECRET)})


def plain(value: Any) -> Any:
    """A default as it is written in YAML."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    return list(value) if isinstance(value, tuple) else value


def one_line(value: Any) -> str:
    """A value as YAML on one line."""
    return (
        yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True).removesuffix("...\n").strip()
    )


def _section(name: str, meaning: str, values: Mapping[str, Any]) -> str:
    lines = [f"# {meaning}", f"{name}:"]
    for key, field in setting_fields().items():
        section, _, setting = key.partition(".")
        if section == name:
            lines += _setting(setting, field, values.get(key))
    return "\n".join(lines) + "\n"


def _setting(name: str, field: FieldInfo, value: Any) -> Iterator[str]:
    yield from textwrap.wrap(meaning(field), _WIDTH, initial_indent="  # ", subsequent_indent="  # ")
    if value is None:
        yield f"  # {name}: {one_line(plain(field.default))}"
    else:
        yield f"  {name}: {one_line(value)}"
