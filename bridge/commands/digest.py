"""Whether somebody wants the morning digest."""

from __future__ import annotations

from bridge.commands.asking.arguments import OnOrOff
from bridge.commands.asking.table import Answer, Call, Command
from bridge.operations.digest import choose_digest, digest_wanted
from bridge.refusal import CommandError

_CHOICES = {"on": True, "off": False}


async def _digest(call: Call, choice: OnOrOff = "") -> Answer:
    typed = choice.casefold().rstrip(".! ")
    if not typed:
        wanted = await digest_wanted(call.desk, call.sender)
    elif typed in _CHOICES:
        wanted = _CHOICES[typed]
        await choose_digest(call.desk, call.sender, wanted=wanted)
    else:
        raise CommandError("Write `!digest on` or `!digest off`; `!digest` alone shows which it is.")
    care = call.desk.settings.care
    if not care.digest:
        kept = " I keep it in mind should that change." if typed else ""
        return Answer(f"There is no morning digest in this firm.{kept} Your firm admin can ask for it.")
    if not wanted:
        return Answer("You get no morning digest. `!digest on` brings it back.")
    return Answer(
        f"You get the morning digest from Monday to Friday at {care.digest_time}, in your chat with me, when there are"
        " unread messages in your matters. `!digest off` ends it."
    )


DIGEST = Command(
    "digest",
    "Have the morning digest, or not",
    _digest,
    help="The morning digest lists the matters in which you have unread messages, where the firm has it. It counts what"
    " your client counts: what you muted is not in it. Off is for you alone.",
    examples=("!digest", "!digest off", "!digest on"),
    group="About",
    asked_by=frozenset({"digest", "unread", "morning"}),
)
