"""What homeserver.yaml says about the guard."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from synapse.module_api.errors import ConfigError

_KEY_LENGTH = 16


@dataclass(frozen=True)
class GuardConfig:
    """What homeserver.yaml says about the guard."""

    bot: str
    key: str
    path: Path
    checker: str = ""


def read_config(config: dict[str, Any]) -> GuardConfig:
    """Judge the configuration. Raises ConfigError."""
    unknown = config.keys() - {"bot", "key", "path", "checker"}
    bot, key, path, checker = (config.get(name, "") for name in ("bot", "key", "path", "checker"))
    if unknown or not all(isinstance(value, str) for value in (bot, key, path, checker)):
        raise ConfigError("The guard's settings are bot, key, path and checker, each a text.")
    if not bot.startswith("@") or ":" not in bot:
        raise ConfigError("The guard needs bot: the Matrix id of the firm's bot, such as @bot:firm.example.")
    if len(key) < _KEY_LENGTH:
        raise ConfigError("The guard needs key: the guard.key of the bridge's configuration.")
    if not Path(path).is_absolute() or not Path(path).parent.is_dir():
        raise ConfigError("The guard needs path: a file, in a folder that is there, which Synapse may write.")
    return GuardConfig(bot, key, Path(path), checker)
