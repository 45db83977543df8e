"""The filing cabinet, for firm admins: how filing stands, and which matters are filed."""

from __future__ import annotations

from functools import partial

from bridge.clock import now_ms
from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Noted, Who
from bridge.filing.telling import folder_words, trouble_words
from bridge.firm.model import Matter
from bridge.firm.sight import Sight
from bridge.operations.sight import sight_of
from bridge.refusal import CommandError
from bridge.store.files.cabinet_trouble import lasting_troubles
from bridge.store.files.filing import Counts, counts, is_filed, set_matter_filing
from bridge.wording.markdown import escape

_OFF = "Files are not stored in a filing cabinet in this firm (filing.mode is off)."
_MODES = {
    "on": "The files of all matters are stored, but for those switched off.",
    "by_matter": "The files of those matters are stored that are switched on: `!matter filing NUMBER on`.",
}
_FOLDERS = 10
"""Folders named in one answer."""
_LOOKED_AT = 200
_CHOICES = {"on": True, "off": False}


async def _status(call: Call) -> Answer:
    mode = call.desk.settings.filing.mode
    if mode == "off":
        return Answer(_OFF)
    sight = sight_of(call.desk, call.sender.id)
    found = await call.desk.store.read(partial(counts, mode, tuple(sight.hidden)))
    lines = [*_lines(call, found), *await _folder_lines(call, sight)]
    return Answer(f"**Filing cabinet.** {_MODES[mode]}\n\n" + "\n".join(lines))


async def _folder_lines(call: Call, sight: Sight) -> list[str]:
    """The folders that fail, of matters that the one who asks may know of."""
    found = [
        one
        for one in await call.desk.store.read(partial(lasting_troubles, _LOOKED_AT))
        if sight.matter_by_id(one.matter_id)
    ]
    lines = [f"- {trouble_words(one, folder_words(one))}" for one in found[:_FOLDERS]]
    more = len(found) - len(lines)
    return [*lines, f"- And {more} more folders."] if more else lines


def _lines(call: Call, found: Counts) -> list[str]:
    since = f", the oldest since {moment(call, found.oldest_ms)}" if found.oldest_ms is not None else ""
    lines = [f"- Filed: {found.filed}", f"- Waiting: {found.waiting}{since}", f"- Failed: {found.failed}"]
    if found.error:
        lines.append(f"- Why files wait: {escape(found.error)} They are tried again by themselves.")
    if found.failure:
        lines.append(f"- Why the last one failed: {escape(found.failure)} `!matter filing NUMBER on` tries again.")
    return lines


async def _matter_filing(call: Call) -> Answer:
    matter: Matter = call.values["matter"]
    mode, typed = call.desk.settings.filing.mode, call.values.get("choice", "").casefold()
    noted = Noted("matter filing", about=f"{matter.number} {typed}".strip(), ids=(matter.id,))
    number, filed, waiting = escape(matter.number), _CHOICES.get(typed), 0
    if typed and filed is None:
        raise CommandError("Write `!matter filing NUMBER on` or `off`; without either it shows which it is.")
    if filed is None:
        filed = await call.desk.store.read(partial(is_filed, mode, matter.id))
    else:
        set_to = partial(set_matter_filing, mode, matter.id, filed=filed, set_by=call.sender.id, now=now_ms())
        waiting = await call.desk.store.run(set_to)
    if mode == "off":
        kept = " I keep it in mind should that change." if typed else ""
        return Answer(f"{_OFF}{kept}", noted=noted)
    if not filed:
        return Answer(
            f"The files of matter {number} are not stored in the filing cabinet. What is there already stays.",
            noted=noted,
        )
    more = f" {waiting} wait and follow now." if waiting else ""
    return Answer(f"The files of matter {number} are stored in the filing cabinet.{more}", noted=noted)


FILES_STATUS = Command(
    "files status",
    "How the filing cabinet stands",
    _status,
    help="Says how many files of matters are in the filing cabinet, how many wait and since when, how many cannot be"
    " filed, and why.",
    examples=("!files status",),
    who=Who.FIRM_ADMIN,
    group="Administration",
    also=("filing",),
)
MATTER_FILING = Command(
    "matter filing",
    "Store a matter's files in the filing cabinet, or not",
    _matter_filing,
    (
        Argument("matter", ArgumentType.MATTER, shown="NUMBER"),
        Argument("choice", ArgumentType.TEXT, required=False, shown="on|off"),
    ),
    help="On stores the files of the matter's conversations in the firm's filing cabinet, those sent before among them,"
    " and tries again those that failed. Off leaves what is there.",
    examples=("!matter filing 2026-0042", "!matter filing 2026-0042 on", "!matter filing 2026-0042 off"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
