"""How a failure is described in a row or a log line without repeating what people wrote."""

from __future__ import annotations

import traceback

from bridge.firm.errors import BridgeError


def describe(error: BaseException) -> str:
    """What happened, in one line.

    The bridge's own errors speak for themselves. The message of any other may quote what was being worked on, which
    may be somebody's words, so of those only the kind and the place are told.
    """
    kind = type(error)
    if isinstance(error, BridgeError):
        return f"{kind.__name__}: {error}"
    frames = traceback.extract_tb(error.__traceback__)
    return f"{kind.__name__} at {frames[-1].name}:{frames[-1].lineno}" if frames else kind.__name__


def frames(error: BaseException) -> str:
    """Where it happened: the stack without the message, and the same for what caused it."""
    text = "".join(traceback.format_tb(error.__traceback__)) + describe(error)
    return f"{frames(error.__cause__)}\nwhich led to\n{text}" if error.__cause__ else text


def backoff(attempt: int) -> float:
    """Seconds to wait after the given number of attempts: 1, 2, 4 and so on up to a minute."""
    return float(min(2 ** (attempt - 1), 60)) if attempt < 8 else 60.0
