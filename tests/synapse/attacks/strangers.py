"""Who has no place in the panel at all: nobody, an account outside the firm, a server admin who is no firm admin.

Each walks every address that the panel answers (P2, P4, A1). The last two show what the homeserver gave them: their
login, and the proof of who they are that a client gives a page. Neither makes anybody a member of the firm.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from bridge.firm.conversation import channel_id, channel_key
from bridge.web.api.routes import ROUTES
from bridge.web.api.table import API_PATH
from bridge.web.panel.app import DEEDS, PAGES
from bridge.web.panel.widget.tabs import TABS
from tests.synapse.attacks.attempt import Alike, Attempt, Call, End, Layer, Who, attempt, forbidden, fruitless, succeeds
from tests.synapse.attacks.beside import DIRECT, MATTER, NO_MATTER, NO_WORDS, REFUSED, proving
from tests.synapse.attacks.panel import ABOUT, NOT_SIGNED_IN, form, page

_EVERYONE = channel_id(channel_key("Everyone"))
_IN_THE_API = {**ABOUT, "webhook": "hook-0", "any_wall": "w1"}
LOGINS = {Who.OUTSIDER: "{stranger_token}", Who.SERVER_ADMIN: "{boss_token}"}
PROOFS = {Who.OUTSIDER: "{stranger_openid}", Who.SERVER_ADMIN: "{boss_openid}"}


def _pages(login: str) -> list[Call]:
    """Every page and the stream, the login as the session and as a token."""
    return [replace(page(one.format(**ABOUT), login), token=login or "-") for one in (*PAGES, "/events")]


def _forms(login: str) -> list[Call]:
    return [replace(form(one.format(**ABOUT), login, login), token=login or "-") for one in DEEDS]


def _api(login: str) -> list[Call]:
    return [
        Call(one.method, API_PATH + one.path.format(**_IN_THE_API), {}, token=login or "-", panel=True)
        for one in ROUTES
    ]


def _beside(token: str) -> list[Call]:
    return [Call("GET", f"/widget/{MATTER}/{one}", token=token or "-", panel=True) for one in (*TABS, "events")]


def _widget(place: str) -> Call:
    return Call("GET", f"/widget/{place}", token="-", panel=True)


def _all_alike(name: str, rule: str, who: Who, steps: Iterable[Call], end: End) -> Attempt:
    """Every one of these, each answered as the first is."""
    first, *others = steps
    return attempt(name, rule, who, tuple(Alike(one, first, NO_WORDS) for one in others), end)


def _with_a_login(who: Who) -> Iterable[Attempt]:
    login, proof = LOGINS[who], PROOFS[who]
    yield _all_alike("opens each page of the panel with a login", "P4", who, _pages(login), NOT_SIGNED_IN)
    yield _all_alike("sends each form of the panel with a login", "P4", who, _forms(login), NOT_SIGNED_IN)
    yield _all_alike("asks each address of the API with a login", "A1", who, _api(login), NOT_SIGNED_IN)
    beside = [*_beside(login), *_beside(proof)]
    yield _all_alike("asks for each part beside the messages", "P4", who, beside, NOT_SIGNED_IN)
    proofs = [proving(one, proof) for one in (NO_MATTER, MATTER, DIRECT, _EVERYONE)]
    yield _all_alike("proves who they are beside conversations of each kind", "P4", who, proofs, REFUSED)


ATTEMPTS: tuple[Attempt, ...] = (
    _all_alike("asks each address of the API", "A1", Who.NOBODY, _api(""), NOT_SIGNED_IN),
    _all_alike("asks for each part beside the messages", "P4", Who.NOBODY, _beside(""), NOT_SIGNED_IN),
    attempt(
        "looks through what the panel shows to everybody",
        "P2",
        Who.NOBODY,
        (
            Alike(_widget(MATTER), _widget(NO_MATTER), NO_WORDS),
            Call("POST", "/widget/out", token="-", panel=True),
            *(Call("GET", f"/static/panel.{kind}", token="-", panel=True) for kind in ("js", "css", "svg")),
            Call("GET", f"{API_PATH}/openapi.json", token="-", panel=True),
        ),
        fruitless(Layer.BRIDGE),
    ),
    *_with_a_login(Who.OUTSIDER),
    *_with_a_login(Who.SERVER_ADMIN),
    attempt(
        "says that a colleague's proof is her own",
        "P4",
        Who.SERVER_ADMIN,
        proving(MATTER, "{ben_openid}"),
        forbidden(Layer.BRIDGE, 403, ""),
    ),
    # What a server admin can do as a colleague she logs in as, she can do here, too (docs/security.md).
    attempt(
        "shows the proof of a colleague as whom she logged in",
        "V5",
        Who.SERVER_ADMIN,
        proving(MATTER, "{borrowed_openid}"),
        succeeds(),
    ),
)
