"""What the hosts of a source answer, read up to a limit."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson

from bridge.directory.sources.port import SourceError

_AT_ONCE = 65_536


async def read_json(called: str, answer: aiohttp.ClientResponse, largest: int) -> Any:
    """The JSON of an answer of at most so many bytes; an empty mapping where nothing is in it.
    `called` is what people call the source.

    Raises SourceError where it is larger, and ValueError where it is no JSON.
    """
    raw = bytearray()
    async for part in answer.content.iter_chunked(_AT_ONCE):
        raw += part
        if len(raw) > largest:
            raise SourceError(
                f"{called}'s answer at {answer.url.path} is larger than {largest} bytes, which is refused."
            )
    return orjson.loads(raw) if raw else {}
