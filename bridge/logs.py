"""What the bridge writes about its work: lines for people or JSON, on standard error, never a secret or a body."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any, TextIO, cast

import orjson
import structlog

from bridge.settings import LogSettings

REDACTED = "[hidden]"
_SECRET_KEY = re.compile(r"token|password|passwd|secret|authorization|cookie|body|content|alias_key", re.IGNORECASE)
_SECRET_TEXT = re.compile(r"((?:access_token|as_token|hs_token)=|Bearer )[^&\s'\"]+", re.IGNORECASE)
_LIBRARIES = {"nio": logging.ERROR, "aiohttp.access": logging.ERROR, "apscheduler": logging.WARNING}
"""nio's warnings quote what it received, and that may be a message."""


class _StandardError:
    """Standard error as it is at the moment of writing: loggers outlive the stream that they were made with."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def set_up_logging(settings: LogSettings) -> None:
    """Send everything that is logged, by the bridge and by libraries, to standard error in the form of the settings."""
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        redact,
    ]
    renderer = _renderer(settings)
    stream = cast("TextIO", _StandardError())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(stream),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.add_logger_name, *shared],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    # Libraries write statements and bodies at the finer levels.
    root.setLevel(max(level, logging.WARNING))
    for name, least in _LIBRARIES.items():
        logging.getLogger(name).setLevel(least)


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Hide values whose key names a secret or a body, at any depth, and tokens inside texts."""
    for key, value in event.items():
        event[key] = _clean(key, value)
    return event


def _clean(key: str, value: Any) -> Any:
    if _SECRET_KEY.search(key):
        return REDACTED
    if isinstance(value, str):
        return _SECRET_TEXT.sub(rf"\g<1>{REDACTED}", value)
    if isinstance(value, Mapping):
        return {inner: _clean(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_clean("", item) for item in value]
    return value


def _renderer(settings: LogSettings) -> structlog.typing.Processor:
    if settings.format == "json":
        return structlog.processors.JSONRenderer(
            serializer=lambda event, **_: orjson.dumps(event, default=str).decode()
        )
    # Tracebacks are formatted before, without local variables: those may hold secrets and messages.
    return structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), pad_event_to=30)
