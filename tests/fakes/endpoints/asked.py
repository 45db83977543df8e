"""A request to the fake homeserver, and what several endpoints do with one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.homeserver import FakeHomeserver

Json = dict[str, Any]


@dataclass(frozen=True)
class Asked:
    """A request, its token checked."""

    method: str
    path: str
    """Without the query, decoded, for people and patterns."""
    args: tuple[str, ...]
    """The ids in the path, decoded."""
    query: Mapping[str, str]
    user_id: str
    """Who is acting; empty for an anonymous request."""
    body: Any
    raw: bytes = b""
    """The body as it came."""
    signature: str = ""
    """For the guard."""
    admin: bool = False
    """Whether the token is a server admin's, where the Matrix Authentication Service gives them."""


Endpoint = Callable[["FakeHomeserver", Asked], Any]
"""Returns the answer's JSON, a pair of status and JSON, or the bytes of media. Raises Denied."""


def page(fake: FakeHomeserver, asked: Asked, timeline: list[Json]) -> Json:
    types = orjson.loads(asked.query["filter"])["types"]
    events = [event for event in timeline if event["type"] in types]
    assert asked.query["dir"] == "f"
    start, limit = int(asked.query.get("from", 0)), min(int(asked.query["limit"]), fake.messages_page)
    more = {"end": str(start + limit)} if start + limit < len(events) else {}
    return {"chunk": events[start : start + limit], **more}


def require_admin(fake: FakeHomeserver, asked: Asked) -> None:
    account = fake.accounts.get(asked.user_id)
    if not asked.admin if fake.mas is not None else account is None or not account.admin:
        raise Denied(403, "M_FORBIDDEN", "You are not a server admin")
