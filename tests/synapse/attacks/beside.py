"""What people show the panel beside the messages to be let in, whose conversation it is not (P4, M3, F2)."""

from __future__ import annotations

from bridge.firm.conversation import direct_id, first_matter_conversation_id
from tests.synapse.attacks.attempt import Alike, Attempt, Call, Layer, Who, attempt, forbidden

MATTER, NO_MATTER = first_matter_conversation_id("m"), f"matter-{'0' * 32}"
DIRECT = direct_id(["c", "g"])
REFUSED, UNKNOWN = forbidden(Layer.BRIDGE, 403, ""), forbidden(Layer.BRIDGE, 401, "")
NO_WORDS = ("\0", "\0")
"""Neither answer repeats what was asked for."""


def proving(conversation: str, token: str, server: str = "localhost", **headers: str) -> Call:
    """What a page beside the messages of a conversation sends to come in."""
    body = {"conversation": conversation, "matrix_server_name": server, "access_token": token}
    return Call("POST", "/widget/in", body, headers=headers, panel=True)


def _page(what: str) -> Call:
    return Call("GET", f"/widget/{MATTER}/{what}", token="{ben_openid}", panel=True)


def _stopped(name: str, rule: str, who: Who, step: Call | Alike) -> Attempt:
    return attempt(name, rule, who, step, REFUSED)


ATTEMPTS = (
    _stopped(
        "proves who they are beside the matter's messages",
        "M3",
        Who.WALLED,
        Alike(proving(MATTER, "{ben_openid}"), proving(NO_MATTER, "{ben_openid}"), NO_WORDS),
    ),
    _stopped("proves who they are beside others' direct messages", "D4", Who.WALLED, proving(DIRECT, "{ben_openid}")),
    _stopped("proves with an OpenID token from before who they are", "F2", Who.LEAVER, proving(MATTER, "{dan_openid}")),
    _stopped("proves who they are", "F1", Who.OUTSIDER, proving(MATTER, "{stranger_openid}")),
    _stopped("forges the proof of a participant", "P4", Who.NOBODY, proving(MATTER, "forged")),
    _stopped(
        "says that a participant's proof is of another homeserver",
        "P4",
        Who.NOBODY,
        proving(MATTER, "{cleo_openid}", "evil.example"),
    ),
    _stopped(
        "sends a participant's proof from a page of another site",
        "P4",
        Who.NOBODY,
        proving(MATTER, "{cleo_openid}", Origin="https://evil.example"),
    ),
    *(
        attempt(f"asks for {what} beside the messages with an OpenID token", "M3", Who.WALLED, _page(what), UNKNOWN)
        for what in ("files", "pinned", "participants", "about", "events")
    ),
)
