"""docs/webhooks.md, with the table of events that the code has."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from bridge.firm.webhooks import EVENTS, ToldOf

Table = Callable[[tuple[str, ...], Iterable[tuple[str, ...]]], str]
_WHO = {
    ToldOf.PLACE: "whoever may know of the conversation",
    ToldOf.INSIDE: "whoever is in the conversation",
    ToldOf.MATTER: "whoever has access to the matter",
    ToldOf.WALL: "firm admins who may know of the wall",
    ToldOf.DIRECTORY: "firm admins",
    ToldOf.STAFF: "everybody who works here",
}
_EXAMPLE = """```json
{"type": "participant.added", "timestamp": "2026-11-30T08:12:03.120Z",
 "data": {"conversation": "channel-…", "kind": "channel", "person": "tom", "by": "ruth"}}
```"""
_VERIFY = """```python
from standardwebhooks import Webhook

event = Webhook("whsec_…").verify(body, headers)  # raises where the signature is not genuine, or is old
```"""


def webhook_parts(table: Table) -> Iterator[str]:
    """The page below its head."""
    yield (
        "A system need not ask again and again: the bridge tells it what happens, with a `POST` to an address of its"
        " own. What it is told has ids alone; what something is called, and all else, it asks [the API](api.md) for."
    )
    yield "## Making one"
    yield "```\nfirm-bridge webhook add https://example.com/hook --for ruth@firm.example --event file.added\n```"
    yield (
        "prints a secret, once. The webhook is told what Ruth may hear of at the moment of telling, and ends with her"
        " (F2); she is told of it in her chat with the bot. Without `--for` it is the firm's own: it is told of"
        " everything but direct conversations (D4). Walls stand between people, so they keep nothing from the firm's"
        " own systems: see to it who reads there. `--text` lets it be told what is said; choose that with care."
    )
    yield (
        "A system makes one for the person it acts for by `POST /webhooks`, with the scope `webhooks:write` and the"
        " scopes of the events, and ends with its token. `firm-bridge webhook list` shows how it stands with each, and"
        " `firm-bridge webhook end ID` ends one. Each that is made or ended is in the audit log."
    )
    yield "## Taking a request"
    yield _EXAMPLE
    yield (
        "It is signed as [Standard Webhooks](https://www.standardwebhooks.com) has it, in the headers `webhook-id`,"
        " `webhook-timestamp` and `webhook-signature`. Let a library verify it, and refuse what is not genuine:"
    )
    yield _VERIFY
    yield (
        "- **Answer with 2xx within 15 seconds**, and do the work afterwards. Anything else counts as not taken; a"
        " redirect is not followed.\n"
        "- **The same may come twice**, under the same `webhook-id`: do it once.\n"
        "- **What is about one conversation comes in order.** What waits there keeps nothing else waiting.\n"
        "- **A receiver that is away** is told again after seconds, then minutes, then hours, for three days; no"
        " sooner than it asks for with `Retry-After`, up to three hours. Then what"
        " it missed is put aside for two weeks: the person, or the admins' room, is told, and health says so."
        " `firm-bridge webhook replay ID` tells it again, later than what came after it: `timestamp` says when it"
        " happened.\n"
        "- **Where a hundred thousand events wait** nothing more is noted. The person and the admins' room are told,"
        " and health says so. Once the receiver has what waited, it is told what the audit log has of the time since;"
        " of messages, files, pins and changes of the directory it is not, so ask for those: `missed_since` and"
        " `missed_until` of `GET /webhooks/{webhook}` say of which time.\n"
        "- **What was said** is read from the homeserver at the moment of telling; `text` is null where it was deleted."
        " It is kept nowhere on the way."
    )
    yield "## Where it may go"
    yield (
        "To public addresses, by `https://`. `webhooks.allowed_networks` ([settings](settings.md#webhooks)) names"
        " private networks that it may go to as well, there also without TLS. The address is judged when the bridge"
        " connects, whatever a name stood for before. A certificate by an authority of the firm's own is good where"
        " `SSL_CERT_FILE` in the bridge's environment names a file with it."
    )
    yield "## Events"
    rows = [(f"`{kind}`", told.sentence, _WHO[told.about], f"`{told.scope}`") for kind, told in EVENTS.items()]
    yield table(("Event", "Meaning", "Who may be told", "Scope"), rows)
    yield (
        "`person` and `by` are staff ids and stand there where somebody of the firm did it or is concerned. `event` is"
        " the message, `matter` the matter of a conversation. `webhooks:read`, `webhooks:write` and `messages:text` are"
        " the scopes for webhooks themselves and for what is said."
    )
