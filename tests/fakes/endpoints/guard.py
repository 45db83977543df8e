"""What the bridge asks the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.fakes.endpoints.asked import Asked, Json
from tests.fakes.room import Denied

if TYPE_CHECKING:
    from tests.fakes.guard import FakeGuard
    from tests.fakes.homeserver import FakeHomeserver


def push_policy(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).push(asked.raw, asked.signature)


def guard_refusals(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).hand_over(asked.raw, asked.signature)


def guard_facts(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).facts(asked.signature)


def guard_farewell(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).farewell(asked.raw, asked.signature)


def guard_status(fake: FakeHomeserver, asked: Asked) -> Json:
    return _guard(fake).status(asked.signature)


def _guard(fake: FakeHomeserver) -> FakeGuard:
    if fake.guard is None:
        raise Denied(404, "M_UNRECOGNIZED", "Unrecognized request")
    return fake.guard
