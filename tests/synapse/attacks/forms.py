"""Files and words in forms and places that no list, rule, hold or transcript of the firm would see (V3, V4)."""

from __future__ import annotations

from typing import Any

from tests.synapse.attacks.attempt import (
    Attempt,
    Layer,
    Share,
    Who,
    attempt,
    forbidden,
    put,
    succeeds,
    taken_away,
)

P = Who.PARTICIPANT
_MXC = "mxc://localhost/{media}"
_FORM = (forbidden(Layer.GUARD, says="ordinary file"), taken_away())
_NAMED = (forbidden(Layer.GUARD, says="may not be sent here"), taken_away())
_SECRET = {"algorithm": "m.megolm.v1.aes-sha2", "ciphertext": "x", "sender_key": "x", "session_id": "x"}
_BARRED = (forbidden(Layer.GUARD, says="encrypted"), forbidden(Layer.STATE))
_ROOM = "rooms/{everyone}/send/"
_VOICE = {"msgtype": "m.audio", "body": "Voice message", "url": _MXC, "org.matrix.msc3245.voice": {}}


def _text(**more: Any) -> dict[str, Any]:
    return {"msgtype": "m.text", "body": "Lunch?", **more}


ATTEMPTS: tuple[Attempt, ...] = (
    attempt("sends an encrypted message", "V3", P, put(_ROOM + "m.room.encrypted/f1", _SECRET), *_BARRED),
    attempt(
        "sends one as a state of the room",
        "V3",
        P,
        put("rooms/{everyone}/state/m.room.encrypted/", _SECRET),
        *_BARRED[1:],
    ),
    attempt(
        "sends a picture as a sticker",
        "V3",
        P,
        put(_ROOM + "m.sticker/f2", {"body": "x", "url": _MXC, "info": {}}),
        forbidden(Layer.GUARD, says="ordinary file"),
        forbidden(Layer.STATE),
    ),
    attempt(
        "sends files as a gallery",
        "V3",
        P,
        Share({"msgtype": "m.gallery", "body": "x", "itemtypes": [{"itemtype": "m.file", "body": "x", "url": _MXC}]}),
        *_FORM,
    ),
    attempt(
        "sends a program as a kind of message of her own",
        "V3",
        P,
        Share({"msgtype": "org.example.document", "body": "setup.exe", "url": _MXC}),
        *_FORM,
    ),
    attempt(
        "sends it as a kind of event of her own",
        "V3",
        P,
        Share({"m.text": [{"body": "x"}], "m.file": {"url": _MXC, "name": "setup.exe"}}, event_type="org.example.file"),
        *_FORM,
    ),
    attempt(
        "puts a picture into formatted text",
        "V3",
        P,
        Share(_text(format="org.matrix.custom.html", formatted_body=f'<p>Lunch?<img src="{_MXC}"/></p>')),
        *_FORM,
    ),
    attempt(
        "hides it as the preview of a link",
        "V3",
        P,
        Share(_text(**{"com.beeper.linkpreviews": [{"og:image": _MXC}]})),
        *_FORM,
    ),
    attempt("sends a second file beside a first", "V3", P, Share({**_VOICE, "org.example.more": [_MXC + "2"]}), *_FORM),
    attempt("puts a file into what is no edit", "V3", P, Share(_text(**{"m.new_content": _VOICE})), *_FORM),
    attempt(
        "gives a voice message the name of a program",
        "V4",
        P,
        Share({**_VOICE, "org.matrix.msc1767.file": {"url": _MXC, "name": "setup.exe"}}),
        *_NAMED,
    ),
    attempt(
        "writes into her membership of an archived channel",
        "C1",
        P,
        put(
            "rooms/{archived}/state/m.room.member/{cleo}",
            {"membership": "join", "reason": "for all to read", "org.example.text": "this too"},
        ),
        forbidden(Layer.GUARD, says="closed"),
        succeeds(),
    ),
    attempt(
        "writes into her membership as into an invitation by e-mail",
        "C1",
        P,
        put(
            "rooms/{archived}/state/m.room.member/{cleo}",
            {"membership": "join", "third_party_invite": {"display_name": "for all to read"}, "is_direct": "this too"},
        ),
        forbidden(Layer.GUARD, says="closed"),
        succeeds(),
    ),
    attempt(
        "gives herself a title in her profile",
        "F3",
        P,
        put("profile/{cleo}/org.example.title", {"org.example.title": "Senior Partner"}),
        forbidden(Layer.GUARD, says="directory"),
        succeeds(),
    ),
)
