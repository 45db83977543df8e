"""docs/endpoints.md: every address that the running bridge answers to. A test holds the table to what it serves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

from bridge.docs.api import api_rows
from bridge.web.app import DEGRADING
from bridge.web.panel.app import DEEDS, PAGES
from bridge.web.panel.widget.door import BESIDE

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]
"""Makes a table of the names of its columns and its rows."""

ENDPOINTS: Mapping[tuple[str, str], str] = {
    ("PUT", "/_matrix/app/v1/transactions/{txn_id}"): "Events from the homeserver. Answered once they are stored.",
    ("POST", "/_matrix/app/v1/ping"): "The homeserver shows that it reaches the bridge.",
    ("GET", "/_matrix/app/v1/users/{user_id}"): "Whether a user is the bot or a staff member with an account.",
    ("GET", "/_matrix/app/v1/rooms/{alias}"): "Whether an address belongs to a room of the firm.",
    ("GET", "/_matrix/app/v1/thirdparty/protocol/{protocol}"): "Always 404: the bridge joins no third-party network.",
    ("GET", "/_matrix/app/v1/thirdparty/user"): "Always an empty list.",
    ("GET", "/_matrix/app/v1/thirdparty/user/{protocol}"): "Always 404.",
    ("GET", "/_matrix/app/v1/thirdparty/location"): "Always an empty list.",
    ("GET", "/_matrix/app/v1/thirdparty/location/{protocol}"): "Always 404.",
    ("GET", "/health/live"): "200 while the process works.",
    ("GET", "/health/ready"): (
        "200 with the status `ok` when everything is in order, or `degraded` when the bridge serves everybody else"
        " and something is tried again (`rooms`) or has to be put right"
        f" ({', '.join(f'`{check}`' for check in sorted(DEGRADING - {'rooms'}))}); else 503 with `not ready`."
        " The body names each check and its problem, and where several processes share a database which of them is at"
        " work. One that stands by says `standing by`."
    ),
    ("GET", "/metrics"): "Figures for Prometheus (metrics.md).",
    ("POST", "/_firm-bridge/create"): (
        "The guard asks for the room that somebody's client wants. Only where `guard.key` is set; the request is signed"
        " with it."
    ),
    ("POST", "/_firm-bridge/shell"): (
        "`firm-bridge` in a shell asks the running bridge for what only that may do. Signed with `security.alias_key`."
    ),
}

OF_SOURCES: Mapping[tuple[str, str], str] = {
    ("POST", "/webhooks/smokeball"): "Smokeball says that something changed, signed with the key of its subscription.",
    ("POST", "/webhooks/clio/{key}"): (
        "Clio Manage says that something changed, signed with the secret of its webhook. The bridge makes the key and"
        " tells Clio alone."
    ),
    (
        "GET, POST, PUT, PATCH, DELETE",
        "/scim/v2/Users",
    ): "Staff, from Entra ID, Okta and the like; each below by id.",
    ("GET, POST, PUT, PATCH, DELETE", "/scim/v2/Groups"): "Groups of staff, the same.",
    ("GET", "/scim/v2/ServiceProviderConfig"): "What the SCIM server can do.",
    ("GET", "/scim/v2/ResourceTypes"): "The resources that it has.",
    ("GET", "/scim/v2/Schemas"): "The fields that they have.",
}


def endpoint_parts(table: Table) -> Iterator[str]:
    """The page below its head."""
    yield (
        "The addresses below `/_matrix/app/` are for the homeserver and need the hs_token in the Authorization header"
        " (Matrix specification, Application Service API). Those below `/_firm-bridge/` answer only to a body that is"
        " signed with a key of the configuration. The others need no token: let only your monitoring reach them."
    )
    yield table(("Request", "Meaning"), ((f"`{method} {path}`", said) for (method, path), said in ENDPOINTS.items()))
    yield (
        "The panel answers on an address of its own (`panel.listen_host` and `panel.listen_port`). All but links that"
        " sign in and the files of its look want a session, and what is sent wants a form of the panel's own"
        " ([security.md](security.md#the-panel))."
    )
    yield table(("Request", "Meaning"), _of_panel())
    yield "At the same address the API answers to whoever sends a token with the scope ([api.md](api.md))."
    yield table(("Request", "Scope", "Meaning"), api_rows())
    yield (
        "And there those sources answer that `directory.sources` names. SCIM 2.0 (RFC 7644) wants a token"
        " with the scope `scim`."
    )
    yield table(("Request", "Meaning"), ((f"`{method} {path}`", said) for (method, path), said in OF_SOURCES.items()))


def _of_panel() -> Iterator[tuple[str, str]]:
    yield "`GET /in/{token}`", "What a link of `!panel` leads to. Looking at it spends nothing."
    yield "`POST /in/{token}`", "Signs in, once."
    yield "`GET /sign-on`", "Begins to sign in by the firm's single sign-on. Only where `sign_on.issuer` is set."
    yield "`GET /sign-on/back`", "Where somebody comes back to from there, and is signed in if it proves who they are."
    for address, shown in PAGES.items():
        yield f"`GET {address}`", _said(shown)
    for address, done in DEEDS.items():
        yield f"`POST {address}`", _said(done)
    yield "`GET /events`", "Tells an open page that something of what it may show has changed (server-sent events)."
    yield "`GET /static/…`", "The look of the pages and their script."
    for request, said in BESIDE.items():
        yield f"`{request}`", f"{said} Only with `panel.widget`."


def _said(handler: object) -> str:
    """The first sentence of what a handler says of itself."""
    return (handler.__doc__ or "").split("\n")[0].strip()
