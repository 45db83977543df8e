"""The filing cabinet, for firm admins: how filing stands, and which matters are filed."""

from __future__ import annotations

from bridge.commands.asking.arguments import MatterNamed, OnOrOff
from bridge.commands.asking.shown import moment
from bridge.commands.asking.table import Answer, Call, Command, Noted, Who
from bridge.filing.telling import folder_words, trouble_words
from bridge.operations.admins.filing import FilingStatus, file_matter, filing_status, matter_is_filed
from bridge.refusal import CommandError
from bridge.wording.markdown import escape
from bridge.wording.refusals import NO_CABINET

_MODES = {
    "on": "The files of all matters are stored, but for those switched off.",
    "by_matter": "The files of those matters are stored that are switched on: `!matter filing NUMBER on`.",
}
_FOLDERS = 10
"""Folders named in one answer."""
_CHOICES = {"on": True, "off": False}


async def _status(call: Call) -> Answer:
    found = await filing_status(call.desk, call.sender)
    lines = [*_lines(call, found), *_folder_lines(found)]
    return Answer(f"**Filing cabinet.** {_MODES[call.desk.settings.filing.mode]}\n\n" + "\n".join(lines))


def _folder_lines(status: FilingStatus) -> list[str]:
    lines = [f"- {trouble_words(one, folder_words(one))}" for one in status.troubles[:_FOLDERS]]
    more = len(status.troubles) - len(lines)
    return [*lines, f"- And {more} more folders."] if more else lines


def _lines(call: Call, status: FilingStatus) -> list[str]:
    found = status.counts
    since = f", the oldest since {moment(call, found.oldest_ms)}" if found.oldest_ms is not None else ""
    lines = [f"- Filed: {found.filed}", f"- Waiting: {found.waiting}{since}", f"- Failed: {found.failed}"]
    if found.error:
        lines.append(f"- Why files wait: {escape(found.error)} They are tried again by themselves.")
    if found.failure:
        lines.append(f"- Why the last one failed: {escape(found.failure)} `!matter filing NUMBER on` tries again.")
    return lines


async def _matter_filing(call: Call, matter: MatterNamed, choice: OnOrOff = "") -> Answer:
    desk, typed = call.desk, choice.casefold()
    noted = Noted("matter filing", about=f"{matter.number} {typed}".strip(), ids=(matter.id,))
    number, filed, waiting = escape(matter.number), _CHOICES.get(typed), 0
    if typed and filed is None:
        raise CommandError("Write `!matter filing NUMBER on` or `off`; without either it shows which it is.")
    if filed is None:
        filed = await matter_is_filed(desk, call.sender, matter)
    else:
        waiting = await file_matter(desk, call.sender, matter, filed=filed)
    if desk.settings.filing.mode == "off":
        kept = " I keep it in mind should that change." if typed else ""
        return Answer(f"{NO_CABINET}{kept}", noted=noted)
    if not filed:
        return Answer(
            f"The files of matter {number} are not stored in the filing cabinet. What is there already stays.",
            noted=noted,
        )
    more = f" {waiting} wait and follow now." if waiting else ""
    return Answer(f"The files of matter {number} are stored in the filing cabinet.{more}", noted=noted)


MATTER_FILING = Command(
    "matter filing",
    "Store a matter's files in the filing cabinet, or not",
    _matter_filing,
    help="On stores the files of the matter's conversations in the firm's filing cabinet, those sent before among them,"
    " and tries again those that failed. Off leaves what is there.",
    examples=("!matter filing 2026-0042", "!matter filing 2026-0042 on", "!matter filing 2026-0042 off"),
    who=Who.FIRM_ADMIN,
    group="Administration",
)
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
