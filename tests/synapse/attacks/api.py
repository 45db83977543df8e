"""What systems try through the API, each with the token of somebody who must not (A1, M3, D4, F2)."""

from __future__ import annotations

from typing import Any

from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.web.api.table import API_PATH
from tests.synapse.attacks.attempt import Alike, Attempt, Call, Layer, Who, attempt, forbidden, fruitless

MATTER, CONVERSATION = "/matters/m", f"/conversations/{first_matter_conversation_id('m')}"
NO_MATTER, NO_CONVERSATION = "/matters/none", f"/conversations/matter-{'0' * 32}"
DIRECT, NO_DIRECT = f"/conversations/{direct_id(['c', 'g'])}", f"/conversations/{direct_id(['c', 'none'])}"
HIDDEN = forbidden(Layer.BRIDGE, 404, "")
UNKNOWN = forbidden(Layer.BRIDGE, 401, "")
BEN, DAN, ANN, INTAKE = "{ben_api}", "{dan_api}", "{ann_api}", "{intake_api}"
NO_WORDS = ("\0", "\0")
"""Neither answer repeats what was asked for."""


def api(method: str, path: str, token: str, body: Any = None, **query: str) -> Call:
    """A request to the API."""
    return Call(method, f"{API_PATH}{path}", body, query, token=token, panel=True)


def _alike(method: str, secret: str, invented: str, token: str, body: Any = None) -> Alike:
    return Alike(api(method, secret, token, body), api(method, invented, token, body), NO_WORDS)


def _hidden(what: str, method: str, path: str, body: Any = None) -> Attempt:
    """Something about the matter, beside the same about none."""
    secret, invented = (MATTER, NO_MATTER) if path.startswith(MATTER) else (CONVERSATION, NO_CONVERSATION)
    step = _alike(method, path, path.replace(secret, invented), BEN, body)
    return attempt(f"{what} through the API", "M3", Who.WALLED, step, HIDDEN)


def _by_intake(what: str, method: str, path: str, body: Any = None) -> Attempt:
    """Something about the matter or a direct conversation, beside the same about none, with the token of a system that
    acts as itself."""
    pairs = (MATTER, NO_MATTER), (CONVERSATION, NO_CONVERSATION), (DIRECT, NO_DIRECT)
    secret, invented = next(pair for pair in pairs if path.startswith(pair[0]))
    step = _alike(method, path, path.replace(secret, invented), INTAKE, body)
    return attempt(f"{what} with the token of a system", "A1", Who.WALLED, step, HIDDEN)


ATTEMPTS = (
    _hidden("asks for the matter", "GET", MATTER),
    _hidden("asks for its conversation", "GET", CONVERSATION),
    _hidden("asks who is in it", "GET", f"{CONVERSATION}/participants"),
    _hidden("asks for its files", "GET", f"{CONVERSATION}/files"),
    _hidden("asks for what is pinned there", "GET", f"{CONVERSATION}/pins"),
    _hidden("asks who has read a message there", "GET", f"{CONVERSATION}/messages/{{event}}/seen"),
    _hidden("asks who started it", "GET", f"{CONVERSATION}/about"),
    _hidden("asks for its transcript", "GET", f"{CONVERSATION}/transcript"),
    _hidden("joins it", "POST", f"{CONVERSATION}/join"),
    _hidden("adds themselves", "PATCH", f"{CONVERSATION}/participants", {"add": ["b"]}),
    _hidden("renames it", "PATCH", CONVERSATION, {"title": "Mine"}),
    _hidden("starts a conversation in the matter", "POST", f"{MATTER}/conversations", {"title": "Mine"}),
    attempt(
        "downloads a file of the matter through the API",
        "M3",
        Who.WALLED,
        api("GET", f"{CONVERSATION}/files/{{event}}", BEN),
        HIDDEN,
    ),
    attempt(
        "lists all matters through the API", "M3", Who.WALLED, api("GET", "/matters", BEN), fruitless(Layer.BRIDGE)
    ),
    attempt("lists all files through the API", "M3", Who.WALLED, api("GET", "/files", BEN), fruitless(Layer.BRIDGE)),
    attempt(
        "lists the files of the matter through the API",
        "M3",
        Who.WALLED,
        _alike("GET", "/files?matter=m", "/files?matter=none", BEN),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "asks for the walls through the API",
        "M3",
        Who.WALLED,
        api("GET", "/walls", BEN),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    attempt(
        "asks for a wall's report through the API",
        "M3",
        Who.WALLED,
        _alike("GET", "/walls/w1/report", "/walls/none/report", BEN),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    attempt(
        "asks through the API why they cannot see the matter",
        "M3",
        Who.WALLED,
        _alike("GET", "/people/b/why?place=m", "/people/b/why?place=none", BEN),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    attempt(
        "asks for the plan of the matter through the API",
        "M3",
        Who.WALLED,
        _alike("GET", "/plan?place=m", "/plan?place=none", BEN),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    attempt(
        "asks for the transcript of colleagues' direct conversation through the API",
        "D4",
        Who.FIRM_ADMIN,
        _alike("GET", f"{DIRECT}/transcript", f"{NO_DIRECT}/transcript", ANN),
        HIDDEN,
    ),
    attempt(
        "reads the audit log through the API",
        "O1",
        Who.WALLED,
        api("GET", "/audit", BEN),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    attempt(
        "asks for colleagues' direct conversation through the API",
        "D4",
        Who.FIRM_ADMIN,
        _alike("GET", DIRECT, NO_DIRECT, ANN),
        HIDDEN,
    ),
    attempt(
        "asks who has read a message of colleagues' direct conversation through the API",
        "D4",
        Who.FIRM_ADMIN,
        _alike("GET", f"{DIRECT}/messages/{{event}}/seen", f"{NO_DIRECT}/messages/{{event}}/seen", ANN),
        HIDDEN,
    ),
    _by_intake("asks for the matter", "GET", MATTER),
    _by_intake("asks for its conversation", "GET", CONVERSATION),
    _by_intake("asks who started its conversation", "GET", f"{CONVERSATION}/about"),
    _by_intake("downloads a file of the matter", "GET", f"{CONVERSATION}/files/{{event}}"),
    _by_intake(
        "starts a conversation in the matter", "POST", f"{MATTER}/conversations", {"title": "Mine", "people": ["b"]}
    ),
    _by_intake("asks for a direct conversation", "GET", DIRECT),
    _by_intake("downloads a file of a direct conversation", "GET", f"{DIRECT}/files/{{event}}"),
    attempt(
        "lists all matters with the token of a system",
        "A1",
        Who.WALLED,
        api("GET", "/matters", INTAKE),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "lists all files with the token of a system",
        "A1",
        Who.WALLED,
        api("GET", "/files", INTAKE),
        fruitless(Layer.BRIDGE),
    ),
    *(
        attempt(f"{what} with the token of a system", "A1", Who.WALLED, step, forbidden(Layer.BRIDGE, 403, ""))
        for what, step in (
            ("joins the conversation", api("POST", f"{CONVERSATION}/join", INTAKE)),
            ("asks who is in the conversation", api("GET", f"{CONVERSATION}/participants", INTAKE)),
            ("asks for the transcript", api("GET", f"{CONVERSATION}/transcript", INTAKE)),
            ("asks for the walls", api("GET", "/walls", INTAKE)),
            ("reads the audit log", api("GET", "/audit", INTAKE)),
            (
                "has itself told what happens",
                api("POST", "/webhooks", INTAKE, {"url": "https://a.example/", "events": []}),
            ),
        )
    ),
    attempt("uses an old token of the API", "F2", Who.LEAVER, api("GET", "/matters", DAN), UNKNOWN),
    attempt("asks the API without a token", "F4", Who.NOBODY, api("GET", "/matters", "-"), UNKNOWN),
    attempt(
        "asks the API with a forged token", "F4", Who.NOBODY, api("GET", "/matters", "firm-bridge-forged"), UNKNOWN
    ),
)
