"""The address at which commands of the shell ask the running bridge for what only it may do.

A POST of {"asked": JSON in a text, "signature": over that text}, with a key that only those have
who can read the bridge's configuration. What is asked is one of

    {"do": "confirm", "fingerprint": TEXT, "by": TEXT}    answered with {"told": SENTENCE}
    {"do": "undo", "fingerprint": TEXT, "by": TEXT}    answered with {"told": SENTENCE}
    {"do": "add token", "token": {…}}    answered with {"number": NUMBER}
    {"do": "end token", "number": NUMBER, "by": TEXT}    answered with {"ended": true or false}
    {"do": "add webhook", "webhook": {…}}    answered with {"id": ID, "secret": TEXT}
    {"do": "end webhook", "id": ID, "by": TEXT}    answered with {"ended": true or false}
    {"do": "replay webhook", "id": ID}    answered with {"replayed": NUMBER or null}
    {"do": "replay", "incoming": [NUMBER] or null, "outgoing": [NUMBER] or null}    answered with {"replayed": NUMBER}

Each may be repeated: the first two name the change that they are about, the next the token, of which only a hash is
sent, or the webhook, or what it is made by; and those that replay only let something be tried again.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from bridge.directory.undoing import Undone
from bridge.guard.protocol import is_signed
from bridge.operations.tokens import NewToken
from bridge.operations.webhooks.subscribing import Hook, NewWebhook
from bridge.refusal import Refusal
from bridge.web.errors import MatrixError, json_response
from bridge.wording.directory import confirmed_text, undone_text
from bridge.wording.refusals import worded

SHELL_PATH = "/_firm-bridge/shell"
Positions = list[int] | None
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shell:
    """What can be asked for."""

    confirm: Callable[[str, str], Awaitable[str]]
    """Lets through the held change of the directory with this fingerprint, for whoever is named; its fingerprint."""
    undo: Callable[[str, str], Awaitable[Undone]]
    """Takes back the confirmed change with this fingerprint, in the same way."""
    replay: Callable[[Positions, Positions], Awaitable[int]]
    """Lets dead letters be tried again, all for None; says how many."""
    add_token: Callable[[NewToken], Awaitable[int]]
    """Lets a token act as somebody; its number."""
    end_token: Callable[[int, str], Awaitable[bool]]
    """Ends a token for whoever is named; whether there was one."""
    add_webhook: Callable[[NewWebhook], Awaitable[tuple[Hook, str]]]
    """Makes a webhook; with its secret."""
    end_webhook: Callable[[str, str], Awaitable[bool]]
    """Ends a webhook for whoever is named; whether there was one."""
    replay_webhook: Callable[[str], Awaitable[int | None]]
    """Lets what a webhook put aside be tried again; how much that is."""


def signed(key: str, asked: dict[str, Any]) -> bytes:
    """The body that asks for this."""
    text = orjson.dumps(asked).decode()
    return orjson.dumps({"asked": text, "signature": _signature(key, text)})


def shell_route(key: str, shell: Shell) -> web.RouteDef:
    """The route, for whoever signs with this key."""

    async def answered(request: web.Request) -> web.Response:
        try:
            return json_response(await _answer(_asked(await request.read(), key), shell))
        except Refusal as refusal:
            return json_response({"told": worded(refusal)})

    return web.post(SHELL_PATH, answered)


async def _answer(asked: Any, shell: Shell) -> dict[str, Any]:
    match asked:
        case {"do": "confirm", "fingerprint": str(fingerprint), "by": str(by)}:
            return {"told": confirmed_text(await shell.confirm(by, fingerprint))}
        case {"do": "undo", "fingerprint": str(fingerprint), "by": str(by)}:
            return {"told": undone_text(await shell.undo(by, fingerprint), str)}
        case {"do": "add token", "token": dict(token)}:
            return {"number": await shell.add_token(_made_of(NewToken, token))}
        case {"do": "end token", "number": int(number), "by": str(by)}:
            return {"ended": await shell.end_token(number, by)}
        case {"do": "add webhook", "webhook": dict(wanted)}:
            made, secret = await shell.add_webhook(_made_of(NewWebhook, wanted))
            return {"id": made.id, "secret": secret}
        case {"do": "end webhook", "id": str(webhook_id), "by": str(by)}:
            return {"ended": await shell.end_webhook(webhook_id, by)}
        case {"do": "replay webhook", "id": str(webhook_id)}:
            return {"replayed": await shell.replay_webhook(webhook_id)}
        case {"do": "replay", "incoming": incoming, "outgoing": outgoing} if _positions(incoming, outgoing):
            return {"replayed": await shell.replay(incoming, outgoing)}
    raise MatrixError(400, "M_BAD_JSON", "The bridge that runs does not know this request: it is of another version.")


def _made_of(form: type[T], given: dict[str, Any]) -> T:
    try:
        return TypeAdapter(form).validate_python(given)
    except ValidationError as error:
        raise MatrixError(
            400, "M_BAD_JSON", "The bridge that runs does not know this form: it is of another version."
        ) from error


def _positions(*given: Any) -> bool:
    return all(one is None or (isinstance(one, list) and all(type(each) is int for each in one)) for one in given)


def _asked(raw: bytes, key: str) -> Any:
    """What is asked. Raises MatrixError where it is not signed with the key, or has another form."""
    try:
        body = orjson.loads(raw)
        asked, signature = body["asked"], body["signature"]
    except (ValueError, KeyError, TypeError) as error:
        raise MatrixError(400, "M_BAD_JSON", "The body has the texts asked and signature.") from error
    if not isinstance(asked, str) or not isinstance(signature, str) or not is_signed(_signature(key, asked), signature):
        raise MatrixError(403, "M_FORBIDDEN", "This was asked with another configuration than the running bridge's.")
    try:
        return orjson.loads(asked)
    except ValueError as error:
        raise MatrixError(400, "M_NOT_JSON", "What is asked is not JSON.") from error


def _signature(key: str, asked: str) -> str:
    return hmac.new(key.encode(), b"shell\n" + asked.encode(), hashlib.sha256).hexdigest()
