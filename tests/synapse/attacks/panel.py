"""What is tried at the panel: each page and each form of its tables, by those who must not (P2, P4, M3, D4, F2).

Whoever tries has a session that was begun rightly, or that of somebody else, or a link that was spent.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.web.panel.app import DEEDS, PAGES
from bridge.web.panel.safety import COOKIE
from tests.synapse.attacks.attempt import Alike, Attempt, Call, End, Layer, Who, attempt, forbidden, fruitless

ABOUT: Mapping[str, str] = {
    "conversation": first_matter_conversation_id("m"),
    "matter": "m",
    "event": "{event}",
    "person": "a",
    "wall": "w",
    "session": "0" * 16,
}
"""What stands in the addresses of the tables for the matter that is kept from Ben."""
_NOTHING: Mapping[str, str] = {
    "conversation": f"matter-{'0' * 32}",
    "matter": "none",
    "event": "$none",
    "person": "none",
    "wall": "none",
    "session": "1" * 16,
}
_PAST = {**ABOUT, "conversation": first_matter_conversation_id("p"), "matter": "p", "event": "{past_event}"}
_DIRECT = {**ABOUT, "conversation": direct_id(["c", "g"])}
_NO_DIRECT = {**_NOTHING, "conversation": direct_id(["c", "none"])}
_NO_WORDS = ("\0", "\0")
_FIELDS = {"title": "Mine", "person": "b", "number": "{number}", "memo": "Mine", "step": "set", "kind": "only"}
NOT_THERE, NOT_SIGNED_IN, NOT_OWN = (forbidden(Layer.BRIDGE, status, "") for status in (404, 401, 403))


def page(address: str, session: str) -> Call:
    """A page, as a browser with this session asks for it."""
    return Call("GET", address, headers=_cookie(session), token="-", panel=True)


def form(address: str, session: str, token: str, **headers: str) -> Call:
    """A form, as it is sent from a browser with this session, with this token in it."""
    fields = {**_FIELDS, "token": token, "once": "0" * 16}
    return Call("POST", address, form=fields, headers={**_cookie(session), **headers}, token="-", panel=True)


def _cookie(session: str) -> dict[str, str]:
    return {"Cookie": f"{COOKIE}={session}"} if session else {}


def _filled(address: str, about: Mapping[str, str]) -> str:
    """An address of the tables about something. Raises KeyError for a part of which these attempts know nothing."""
    return address.format(**about)


def _all(who: Who, name: str, rule: str, end: End, steps: Iterable[Alike]) -> Attempt:
    return attempt(name, rule, who, tuple(steps), end)


def _pages_alike(session: str, about: Mapping[str, str], nothing: Mapping[str, str], below: str) -> list[Alike]:
    return [
        Alike(page(_filled(one, about), session), page(_filled(one, nothing), session), _NO_WORDS)
        for one in PAGES
        if one.startswith(below)
    ]


def _forms_alike(who: str, about: Mapping[str, str], nothing: Mapping[str, str], below: str) -> list[Alike]:
    session, token = f"{{{who}_session}}", f"{{{who}_form}}"
    return [
        Alike(form(_filled(one, about), session, token), form(_filled(one, nothing), session, token), _NO_WORDS)
        for one in DEEDS
        if one.startswith(below)
    ]


def _refused_alike(session: str, token: str, **headers: str) -> list[Alike]:
    """Every form, each refused as the first one is."""
    first = form("/new/channel", session, token, **headers)
    return [Alike(form(_filled(one, ABOUT), session, token, **headers), first, _NO_WORDS) for one in DEEDS]


def _shown_alike(session: str) -> list[Alike]:
    """Every page and the stream, each refused as the first one is."""
    return [Alike(page(_filled(one, ABOUT), session), page("/", session), _NO_WORDS) for one in (*PAGES, "/events")]


def _link(method: str, link: str, **headers: Any) -> Call:
    return Call(method, f"/in/{link}", headers=headers, token="-", panel=True)


ATTEMPTS = (
    _all(
        Who.WALLED,
        "opens each page of the matter's conversation in the panel",
        "M3",
        NOT_THERE,
        _pages_alike("{ben_session}", ABOUT, _NOTHING, "/conversation/"),
    ),
    _all(
        Who.WALLED,
        "opens the matter's page in the panel",
        "M3",
        NOT_THERE,
        _pages_alike("{ben_session}", ABOUT, _NOTHING, "/matter/"),
    ),
    _all(
        Who.WALLED,
        "opens an admin's page in the panel",
        "O1",
        NOT_OWN,
        [
            Alike(page(_filled(one, ABOUT), "{ben_session}"), page("/admin", "{ben_session}"), _NO_WORDS)
            for one in PAGES
            if one.startswith("/admin")
        ],
    ),
    _all(
        Who.WALLED,
        "sends each form of the matter's conversation from a page of the panel",
        "M3",
        NOT_THERE,
        _forms_alike("ben", ABOUT, _NOTHING, "/conversation/"),
    ),
    _all(
        Who.WALLED,
        "starts a conversation in the matter from a page of the panel",
        "M3",
        NOT_THERE,
        _forms_alike("ben", ABOUT, _NOTHING, "/matter/"),
    ),
    attempt(
        "looks through all lists of the panel",
        "M3",
        Who.WALLED,
        tuple(page(one, "{ben_session}") for one in PAGES if "{" not in one and not one.startswith("/admin")),
        fruitless(Layer.BRIDGE),
    ),
    attempt(
        "searches in the panel for a word of the matter",
        "P5",
        Who.WALLED,
        page("/search?q={word}", "{ben_session}"),
        fruitless(Layer.BRIDGE),
    ),
    _all(
        Who.WALLED,
        "asks the panel for the files of the matter",
        "M3",
        NOT_THERE,
        [Alike(page("/files?matter=m", "{ben_session}"), page("/files?matter=none", "{ben_session}"), _NO_WORDS)],
    ),
    _all(
        Who.WALLED,
        "sends each form with the token of another's page",
        "P4",
        NOT_OWN,
        _refused_alike("{ben_session}", "{ann_form}"),
    ),
    _all(
        Who.FORMER,
        "opens each page of the conversation they were in before the wall",
        "M3",
        NOT_THERE,
        _pages_alike("{hal_session}", _PAST, _NOTHING, "/conversation/"),
    ),
    _all(
        Who.FIRM_ADMIN,
        "opens each page of colleagues' direct conversation in the panel",
        "D4",
        NOT_THERE,
        _pages_alike("{ann_session}", _DIRECT, _NO_DIRECT, "/conversation/"),
    ),
    _all(
        Who.FIRM_ADMIN,
        "sends each form of colleagues' direct conversation from a page of the panel",
        "D4",
        NOT_THERE,
        _forms_alike("ann", _DIRECT, _NO_DIRECT, "/conversation/"),
    ),
    _all(
        Who.LEAVER,
        "opens each page of the panel with an old session",
        "F2",
        NOT_SIGNED_IN,
        _shown_alike("{dan_session}"),
    ),
    _all(
        Who.LEAVER,
        "sends each form of the panel with an old session",
        "F2",
        NOT_SIGNED_IN,
        _refused_alike("{dan_session}", "{dan_form}"),
    ),
    attempt(
        "signs in with a link from before",
        "F2",
        Who.LEAVER,
        _link("POST", "{dan_link}"),
        forbidden(Layer.BRIDGE, 410, ""),
    ),
    _all(Who.NOBODY, "opens each page of the panel", "P4", NOT_SIGNED_IN, _shown_alike("")),
    _all(Who.NOBODY, "opens each page of the panel with a forged session", "P4", NOT_SIGNED_IN, _shown_alike("forged")),
    _all(Who.NOBODY, "sends each form of the panel", "P4", NOT_SIGNED_IN, _refused_alike("", "")),
    _all(
        Who.NOBODY,
        "has a signed-in colleague's browser send each form from another site",
        "P4",
        NOT_OWN,
        _refused_alike("{ann_session}", "{ann_form}", Origin="https://evil.example"),
    ),
    _all(
        Who.NOBODY,
        "has a signed-in colleague's browser send each form without the page's token",
        "P4",
        NOT_OWN,
        _refused_alike("{ann_session}", ""),
    ),
    attempt(
        "signs in with a link that was spent",
        "P4",
        Who.NOBODY,
        _link("POST", "{ann_spent}"),
        forbidden(Layer.BRIDGE, 410, ""),
    ),
    attempt(
        "signs in with a link of their own making",
        "P4",
        Who.NOBODY,
        _link("POST", "made-up"),
        forbidden(Layer.BRIDGE, 410, ""),
    ),
    attempt(
        "has a colleague's browser spend a link from another site",
        "P4",
        Who.NOBODY,
        _link("POST", "{ann_link}", Origin="https://evil.example"),
        NOT_OWN,
    ),
)
