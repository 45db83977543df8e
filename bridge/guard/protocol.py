"""How the bridge tells the guard what it must know: one address, one signature over what is said.

POST a push, as JSON on one line:

    {"form": FORM, "version": 7, "records": {kind: {id: data}}}                   all there is to know
    {"form": FORM, "version": 8, "base": 7, "put": {kind: {id: data}}, "drop": {kind: [id]}}    what changed since then

A push is taken when its version is higher than the last one's, and a change only on the version that it names as its
base. It is on disk before it is answered. GET says which version is in force, what was refused so far, and of which
form and release the guard is. A guard takes no push of another form than its own, and a bridge tells none to it: an
older guard would pass over what only a newer one knows to keep somebody out by.

The other way, the guard asks the bridge for the room that somebody's client wants: a POST to CREATE_PATH of the bridge,

    {"asked": the creation request of bridge/guard/creation.py, as JSON in a text, "signature": over that text}

answered with {"room_id": ID}, or with {"refused": SENTENCE}.

What the guard refused, the bridge asks for at REFUSALS_PATH: a POST that says what it has,

    {"spool": ID, "after": NUMBER}

answered with {"page": the JSON of bridge/guard/spool.py in a text, "signature": over that text}. Whatever has a number
up to this one is in the bridge's database, and forgotten by the guard.

A bridge whose database is older than what the guard was told asks for all of it with a GET at FACTS_PATH, answered with
{"facts": {"version": NUMBER, "records": …} in a text, "signature": over that text}.

Before the bridge closes a leaver's account it says so at FAREWELL_PATH, a POST of

    {"user": MATRIX ID, "version": the version of the policy in force}

answered with the same user.

All of this is said to the guard in Synapse's main process, which tells the workers' (bridge/guard/relay.py) and says
that it has taken a push when they all have it. Where one has not and may still decide by what it knew, the answer is
409 PROCESSES_BEHIND: the push is in force in the main process, and nothing may be begun that depends on it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

PATH = "/_synapse/client/firm-bridge/policy"
SIGNATURE_HEADER = "X-Firm-Bridge-Signature"
FACTS_PATH = "/_synapse/client/firm-bridge/facts"
REFUSALS_PATH = "/_synapse/client/firm-bridge/refusals"
FAREWELL_PATH = "/_synapse/client/firm-bridge/farewell"
PROCESSES_PATH = "/_synapse/client/firm-bridge/processes"
CREATE_PATH = "/_firm-bridge/create"
FORM = 1
"""The form of what is told. Raised with every change of what a record says, and of what the guard decides by it: bridge
and guard of two forms tell each other nothing. Releases that said no form had this one."""
OTHER_RELEASE = "ORG.FIRM_BRIDGE.OTHER_RELEASE"
"""Error code with status 400: the push is of another form than the guard's."""
OUTDATED = "ORG.FIRM_BRIDGE.OUTDATED"
"""Error code with status 409: the version is not higher than the guard's, or the base is not the guard's version."""
PROCESSES_BEHIND = "ORG.FIRM_BRIDGE.PROCESSES_BEHIND"
"""Error code with status 409: a worker of Synapse may still decide by what was told before."""
MAX_BYTES = 64 * 1024 * 1024
"""The largest push that is read."""


def form_of(said: Mapping[str, Any]) -> object:
    """The form of a push, or of a guard's answer."""
    return said.get("form", 1)


def other_release(guard: str, bridge: str) -> str:
    """What is wrong where they do not understand each other; each is named as far as it is known."""
    return (
        f"The guard in Synapse is of firm-bridge {guard}, and the bridge of {bridge}; they do not understand each"
        " other. Install one release into both, then restart Synapse and the bridge."
    )


def sign_push(key: str, body: bytes) -> str:
    """The signature of a push: HMAC-SHA256 in hexadecimal. The body has the version in it."""
    return _sign(key, b"push\n" + body)


def sign_question(key: str) -> str:
    """The signature with which the bridge asks how things stand."""
    return _sign(key, b"status\n")


def sign_asking_facts(key: str) -> str:
    """The signature with which the bridge asks for all that the guard knows."""
    return _sign(key, b"facts?\n")


def sign_facts(key: str, facts: str) -> str:
    """The signature over all that the guard knows."""
    return _sign(key, b"facts\n" + facts.encode())


def sign_creation(key: str, asked: str) -> str:
    """The signature with which the guard asks the bridge for a room."""
    return _sign(key, b"wish\n" + asked.encode())


def sign_taken(key: str, body: bytes) -> str:
    """The signature with which the bridge says what it has taken over, and asks for more."""
    return _sign(key, b"taken\n" + body)


def sign_page(key: str, page: str) -> str:
    """The signature over what the guard hands over."""
    return _sign(key, b"page\n" + page.encode())


def sign_farewell(key: str, body: bytes) -> str:
    """The signature with which the bridge says that it closes an account."""
    return _sign(key, b"farewell\n" + body)


def sign_worker_asked(key: str, asked: str) -> str:
    """The signature with which a worker's guard asks the main process's."""
    return _sign(key, b"worker?\n" + asked.encode())


def sign_said_to_worker(key: str, said: str) -> str:
    """The signature over what it is answered."""
    return _sign(key, b"worker\n" + said.encode())


def is_signed(expected: str, given: str) -> bool:
    """Whether a signature is the right one, in a time that tells nothing."""
    return hmac.compare_digest(expected.encode(), given.encode("utf-8", "surrogateescape"))


def _sign(key: str, said: bytes) -> str:
    return hmac.new(key.encode(), said, hashlib.sha256).hexdigest()
