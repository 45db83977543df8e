"""Words for what the audit log has in short: rules, and what was put back. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bridge.firm.rules import CitedRule
from bridge.mapping.pins import PINNED
from bridge.reconcile.planning.steps import DriftKind
from bridge.wording.markdown import notice
from bridge.wording.state import WHAT

IN_SHORT: Mapping[CitedRule, str] = {
    "F1": "only active staff of the firm take part",
    "F2": "who has left the firm is cut off, and nobody else",
    "F3": "names and profiles come from the directory",
    "F4": "nothing of the firm is shown outside",
    "D1": "a direct conversation needs somebody to talk to",
    "D2": "the people in a direct conversation stay the same",
    "D3": "the bot is not in a direct conversation",
    "D4": "a direct conversation is for those in it alone",
    "M1": "only those with access to the matter",
    "M2": "only those with access to the matter",
    "M3": "closed to them",
    "M4": "the matter is closed",
    "C1": "a channel has a name, and an archived one is read-only",
    "C2": "messages in a channel count for everybody in it",
    "C3": "the newest channels come first",
    "C4": "everybody stays in the channel of the whole firm",
    "V1": "only those in a conversation change who is in it",
    "V2": "the rules for pinned messages",
    "V3": "every file and message must be readable for the firm",
    "V4": "the firm's rules for files",
    "V4 encryption": "the firm takes no encrypted files",
    "V4 name": "the firm does not take files of that name",
    "V4 type": "the firm does not take files of that type",
    "V4 double extension": "the name hides what kind of file it is",
    "V4 size": "the file is too large for the firm",
    "V4 content": "the firm does not take files with that content",
    "V5": "nobody writes in somebody else's name",
    "O1": "the log is kept by the bridge alone",
    "O2": "questions are answered to those who may know",
    "O3": "only the bridge sets up rooms",
    "R3": "a backup was put back",
    "P1": "the panel has what the commands have",
    "P2": "the panel shows what the bot would tell",
    "P3": "the panel changes by itself",
    "P4": "who somebody is must be proven",
    "P5": "what was said is searched by those who are there",
    "A1": "a token may do what it is for",
    "A2": "a request happens once",
    "A3": "systems are told what they may hear of",
    "S1": "the directory's sources are merged by what each owns",
    "S2": "what a source hints is read back",
    "S3": "who is gone from a source has left",
    "R1": "one process of the bridge is at work",
    "R2": "every process of the homeserver must know first",
    "hold": "the matter is under legal hold",
}
"""What a rule comes to in a line of the log; `bridge.firm.rules` has the whole sentences."""
_END = re.compile(r"[.;!?](?:\s|$)")

_BY_KIND: Mapping[str, str] = {
    DriftKind.ROOM_LOST: "deleted the room of {subject}, which was made again",
    DriftKind.BOT_REMOVED: "put the bot out of {subject}, and it came back",
    DriftKind.SOMEBODY_PUT_IN: "put {person} into {subject}, and they were taken out again",
    DriftKind.SOMEBODY_TAKEN_OUT: "took {person} out of {subject}, and they were brought back",
    DriftKind.SOMEBODY_BANNED: "banned {person} from {subject}, which was undone",
    DriftKind.STATE_CHANGED: "changed {what} of {subject}, which was put back",
    DriftKind.ADDRESS_CHANGED: "changed the address of {subject}, which was put back",
    DriftKind.LIST_CHANGED: "changed the list of rooms in {subject}, which was put back",
    DriftKind.BOT_RENAMED: "gave the bot another name, which was put back",
    "invite": "invited {person} to {subject}, which was undone",
    "join": "brought {person} into {subject}, and they were taken out again",
    "knock": "asked to come into {subject}, which was undone",
    "leave": "took {person} out of {subject}, and they were brought back",
    "ban": "banned {person} from {subject}, which was undone",
}
_BY_THEMSELVES: Mapping[str, str] = {
    "join": "came into {subject}, and was taken out again",
    "leave": "left {subject}, and was brought back",
}
_OTHER = "changed {what} of {subject}, which was put back"
_WHAT: Mapping[str, str] = {**WHAT, PINNED: "the pinned messages"}


def rule_in_words(reason: str) -> str:
    """A reason that is a rule, with what stands behind it, in words and the rule in brackets; any other as it is."""
    rule, comma, more = reason.partition(", ")
    words = next((words for cited, words in IN_SHORT.items() if cited == rule), None)
    return reason if words is None else f"{words} ({rule}){comma}{more}"


def put_back_reason(what: str, refusal: str) -> str:
    """The reason of an entry about something put back: what it was, and the beginning of what was said of it, which is
    Markdown."""
    why = _END.split(str(notice(refusal)["body"]).strip(), maxsplit=1)[0]
    return f"{what}: {why}" if why else what


def put_back(reason: str, by_themselves: bool) -> tuple[str, str]:
    """What was put back, as a form with {subject} and {person}, and why; by the reason that the log has.

    `by_themselves` says whether whoever did it is whom it concerns.
    """
    kind, _, rest = reason.partition(": ")
    if by_themselves and kind in _BY_THEMSELVES:
        return _BY_THEMSELVES[kind], rest
    if kind in set(DriftKind):
        return _BY_KIND[kind].replace("{what}", _WHAT.get(rest, "something")), ""
    return _BY_KIND.get(kind, _OTHER).replace("{what}", _WHAT.get(kind, "something")), rest
