"""Tokens of the API, and requests that must happen once (A1, A2). Times are milliseconds.

Of every token only its hash is kept, so that nobody uses what a backup has.
"""

from __future__ import annotations

from dataclasses import dataclass

from bridge.firm.systems import system_id
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import ApiRequest, ApiToken
from bridge.store.people.webhooks import end_webhooks_of, end_webhooks_of_token


@dataclass(frozen=True, slots=True)
class Token:
    """A token that works."""

    number: int
    staff_id: str
    name: str
    scopes: frozenset[str]
    made_by: str
    made_at: int
    until: int
    used_at: int | None
    system: str = ""
    """The name of the system that acts as itself with it, in which case there is no staff id."""

    @property
    def acting(self) -> str:
        """Who acts, as the audit log has it."""
        return system_id(self.system) if self.system else self.staff_id


@dataclass(frozen=True, slots=True)
class Begun:
    """A request that came with an idempotency key."""

    asked: str
    """What tells it from others under the same key."""
    cause: str
    """What operations know it by."""
    status: int | None
    """Of its answer; None where it was not finished."""
    answer: str


def add_token(
    unit: Unit, token_hash: str, staff_id: str, system: str, name: str, scopes: str, made_by: str, now: int, until: int
) -> int:
    """Note a token; its number. Asked again for the same token, it is the same."""
    if unit.find(ApiToken, ApiToken.token_hash == token_hash) is None:
        made = {"name": name, "scopes": scopes, "made_by": made_by, "made_at": now, "until": until}
        unit.run(ApiToken.insert(token_hash=token_hash, staff_id=staff_id, system=system, **made))
    return int(unit.get(ApiToken, ApiToken.token_hash == token_hash).number)


def token_of(unit: ReadUnit, token_hash: str, now: int) -> Token | None:
    """The token with this hash; None where it has ended or there is none."""
    row = unit.find(ApiToken, ApiToken.token_hash == token_hash, ApiToken.ended_at.is_null(), ApiToken.until > now)
    return None if row is None else _token(row)


def tokens(unit: ReadUnit, now: int) -> list[Token]:
    """Every token that works, the oldest first."""
    rows = ApiToken.select().where(ApiToken.ended_at.is_null(), ApiToken.until > now).order_by(ApiToken.number)
    return [_token(row) for row in unit.all(rows)]


def note_token_used(unit: Unit, number: int, now: int) -> None:
    """Note that a token is in use."""
    unit.run(ApiToken.update(used_at=now).where(ApiToken.number == number))


def end_token(unit: Unit, number: int, by: str, now: int) -> Token | None:
    """End a token, and the webhooks it made; which it was, None where there is none that works."""
    row = unit.find(ApiToken, ApiToken.number == number, ApiToken.ended_at.is_null(), ApiToken.until > now)
    if row is None:
        return None
    unit.run(ApiToken.update(ended_at=now).where(ApiToken.number == number))
    end_webhooks_of_token(unit, number, by, now)
    return _token(row)


def end_tokens(unit: Unit, staff_id: str, now: int) -> int:
    """End all of somebody's tokens and webhooks. How many tokens there were."""
    end_webhooks_of(unit, staff_id, now)
    of_theirs = ApiToken.update(ended_at=now).where(ApiToken.staff_id == staff_id, ApiToken.ended_at.is_null())
    return int(unit.run(of_theirs))


def cause_of_request(unit: ReadUnit, key_hash: str, since: int) -> str | None:
    """What a request is known by that began at that moment or later; None where there is none."""
    row = unit.find(ApiRequest, ApiRequest.key_hash == key_hash, ApiRequest.at_ms >= since)
    return None if row is None else str(row.cause)


def begin_request(unit: Unit, key_hash: str, asked: str, cause: str, now: int) -> Begun:
    """Note that a request begins, to be known by this cause. What is known of it where it came before."""
    row = unit.find(ApiRequest, ApiRequest.key_hash == key_hash)
    if row is None:
        unit.run(ApiRequest.insert(key_hash=key_hash, asked=asked, cause=cause, at_ms=now))
        return Begun(asked, cause, None, "")
    return Begun(row.asked, row.cause, row.status, row.answer)


def finish_request(unit: Unit, key_hash: str, status: int, answer: str) -> None:
    """Note what a request was answered with."""
    unit.run(ApiRequest.update(status=status, answer=answer).where(ApiRequest.key_hash == key_hash))


def forget_request(unit: Unit, key_hash: str) -> None:
    """Forget a request of which nothing was done."""
    unit.run(ApiRequest.delete().where(ApiRequest.key_hash == key_hash))


def forget_requests(unit: Unit, before: int) -> None:
    """Forget the requests that began before that moment."""
    unit.run(ApiRequest.delete().where(ApiRequest.at_ms < before))


def _token(row: ApiToken) -> Token:
    return Token(
        row.number,
        row.staff_id,
        row.name,
        frozenset(row.scopes.split()),
        row.made_by,
        row.made_at,
        row.until,
        row.used_at,
        row.system,
    )
