"""What every command shares: the --config option, reading the settings, and writing to the terminal."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, TypeVar

import orjson
import typer

from bridge.configuration import load_settings
from bridge.firm.text.directions import together
from bridge.logs import set_up_logging
from bridge.settings import LogSettings, Settings

T = TypeVar("T")

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", help="The configuration. Default: $FIRM_BRIDGE_CONFIG, else ./firm-bridge.yaml."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs instead of text for people.")]


def read_settings(config: Path | None) -> Settings:
    """The settings for a command that ends by itself: only what went wrong is logged. Raises ConfigError."""
    settings = load_settings(config)
    set_up_logging(LogSettings(level="warning", format=settings.log.format))
    return settings


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end."""
    return asyncio.run(work)


def say(text: str) -> None:
    """Print text for people. Few terminals know what keeps a name apart; others show it as signs."""
    sys.stdout.write(together(text) + "\n")


def complain(text: str) -> None:
    """Print what went wrong."""
    sys.stderr.write(text + "\n")


def print_json(value: Any) -> None:
    """Print JSON for programs."""
    sys.stdout.write(orjson.dumps(value, option=orjson.OPT_INDENT_2).decode() + "\n")
