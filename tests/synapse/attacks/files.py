"""Files that the firm's rules forbid, sent in every form a client could give them (V4)."""

from __future__ import annotations

from typing import Any

from tests.synapse.attacks.attempt import (
    Attempt,
    Call,
    Layer,
    Share,
    Who,
    attempt,
    forbidden,
    succeeds,
    taken_away,
)

P = Who.PARTICIPANT
_MXC = "mxc://localhost/{media}"
_ENDS = (forbidden(Layer.GUARD, says="may not be sent here"), taken_away())
_NAME = (forbidden(Layer.GUARD, says="plain name"), taken_away())


def _named(name: str, **more: Any) -> dict[str, Any]:
    return {"msgtype": "m.file", "body": name, "url": _MXC, **more}


_KEY = {"kty": "oct", "key_ops": ["encrypt", "decrypt"], "alg": "A256CTR", "k": "x", "ext": True}
_ENCRYPTED = {
    "msgtype": "m.file",
    "body": "setup.exe",
    "file": {"url": _MXC, "key": _KEY, "iv": "x", "hashes": {"sha256": "x"}, "v": "v2"},
}
_EDIT = {
    "msgtype": "m.text",
    "body": "* Lunch?",
    "m.new_content": _named("setup.exe"),
    "m.relates_to": {"rel_type": "m.replace", "event_id": "{plain_event}"},
}

_MADE_A_FILE = {
    "body": "* Lunch?",
    "m.new_content": _named("offer.pdf"),
    "m.relates_to": {"rel_type": "m.replace", "event_id": "{plain_event}"},
}
_UNLISTED = (forbidden(Layer.GUARD, says="cannot list"), taken_away())

ATTEMPTS: tuple[Attempt, ...] = (
    attempt("sends a program by its name", "V4", P, Share(_named("setup.exe")), *_ENDS),
    attempt("sends a program that looks like a PDF", "V4", P, Share(_named("invoice.pdf.exe")), *_ENDS),
    attempt("sends it in full-width letters", "V4", P, Share(_named("setup\uff0e\uff25\uff38\uff25")), *_ENDS),
    attempt("sends it under a name that turns the writing", "V4", P, Share(_named("invoice\u202efdp.exe")), *_NAME),
    attempt("sends it with a dot behind its type", "V4", P, Share(_named("setup.exe.")), *_NAME),
    attempt("sends it with a caption", "V4", P, Share(_named("As agreed", filename="setup.exe")), *_ENDS),
    attempt("sends it as a picture", "V4", P, Share(_named("setup.exe", msgtype="m.image")), *_ENDS),
    attempt("sends it encrypted", "V4", P, Share(_ENCRYPTED), *_ENDS),
    attempt("puts it into a message by an edit", "V4", P, Share(_EDIT), *_ENDS),
    attempt(
        "makes a file of her message by an edit", "V3", P, Share({"msgtype": "m.text", **_MADE_A_FILE}), *_UNLISTED
    ),
    attempt(
        "makes a file of it for clients that know no edits",
        "V3",
        P,
        Share({**_MADE_A_FILE, **_named("offer.pdf"), "m.new_content": {"msgtype": "m.text", "body": "Lunch?"}}),
        *_UNLISTED,
    ),
    attempt(
        "sends it in a thread",
        "V4",
        P,
        Share(_named("setup.exe", **{"m.relates_to": {"rel_type": "m.thread", "event_id": "{plain_event}"}})),
        *_ENDS,
    ),
    attempt(
        "uploads a program as if it were a PDF",
        "V4",
        P,
        Call(
            "POST",
            "/_matrix/media/v3/upload",
            b"\x7fELF" + bytes(100),
            {"filename": "invoice.pdf"},
            {"Content-Type": "application/pdf"},
        ),
        forbidden(Layer.GUARD, says="Linux program"),
        succeeds(),
    ),
)
