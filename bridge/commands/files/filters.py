"""What is typed behind `!files`: words, and filters such as type:pdf, from:@bob and since:2026-01-01 (V3)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from bridge.commands.asking.days import begin_of, read_day
from bridge.commands.asking.matter_numbers import read_matter
from bridge.commands.asking.table import Call
from bridge.mapping.file_words import FileSearch, Order, in_matter, of_type, sent_by, sought
from bridge.operations.everybody import everybody
from bridge.refusal import CommandError
from bridge.wording.markdown import repeated

_PART = re.compile(r'(?:([^\W\d_]+):\s*)?(?:["“”„]([^"“”„]*)["“”„]|(\S+))')
"""A filter with its value, or a word; either may be in quotation marks."""
FILTERS = ("type", "from", "since", "until", "sort", "in")
_KNOWN = "There are type:, from:, since:, until: and sort:, and in your chat with me in:."
_TYPE = re.compile(r"[^\W_][\w+.-]{0,60}(?:/[\w+.-]{1,60})?")
_SAME = {"images": "image", "photo": "image", "photos": "image", "picture": "image", "pictures": "image"} | {
    "videos": "video",
    "sound": "audio",
    "files": "file",
}
"""Other words for kinds of files."""
_ME = {"me", "myself", "@me"}
_WORDS_MAX = 10


@dataclass
class Typed:
    """What was typed, taken apart."""

    words: list[str] = field(default_factory=list)
    filters: dict[str, str] = field(default_factory=dict)


def taken_apart(text: str) -> Typed:
    """Words and filters, each filter once. Raises CommandError for one that is not known."""
    typed = Typed()
    for name, quoted, plain in _PART.findall(text):
        value, filter_ = quoted.strip() or plain, name.casefold()
        if plain.startswith("@") and not name:
            filter_ = "from"
        elif plain.endswith(":") and plain[:-1].casefold() in FILTERS:
            filter_, value = plain[:-1].casefold(), ""
        if not filter_:
            typed.words.append(value)
        elif filter_ not in FILTERS:
            raise CommandError(
                f"I know no filter {repeated(name)}:. {_KNOWN} To look for the words themselves, put them in quotation"
                " marks."
            )
        elif filter_ in typed.filters:
            raise CommandError(f"You gave {filter_}: twice. Give each filter once.")
        else:
            typed.filters[filter_] = value
    return typed


async def read_asked(call: Call, text: str, conversation_id: str) -> FileSearch:
    """Which files are asked for, of one conversation, or with an empty id of all. Raises CommandError."""
    typed = taken_apart(text)
    filters = typed.filters
    asked = FileSearch(conversation_id, words=tuple(_looked_for(typed.words)), marks=tuple(_types(filters)))
    if "from" in filters:
        asked = replace(asked, marks=(*asked.marks, sent_by(await _sender(call, filters["from"]))))
    if "in" in filters:
        asked = replace(asked, marks=(*asked.marks, in_matter(_matter_id(call, filters["in"], conversation_id))))
    since, until = (_day(call, filters[name], name) if name in filters else None for name in ("since", "until"))
    if since is not None and until is not None and since > until:
        raise CommandError("The day of since: is after that of until:, so nothing can fit. Swap them.")
    return replace(
        asked,
        since_ms=None if since is None else begin_of(call, since),
        until_ms=None if until is None else begin_of(call, until + timedelta(days=1)),
        order=_order(filters.get("sort", "date")),
    )


def _looked_for(typed: list[str]) -> list[tuple[str, ...]]:
    found = sought(" ".join(typed))
    if typed and not found:
        raise CommandError(f"I look for words and numbers, and there are none in {repeated(' '.join(typed))}.")
    if len(found) > _WORDS_MAX:
        raise CommandError(f"Those are {len(found)} words. I look for at most {_WORDS_MAX} at a time.")
    return found


def _types(filters: dict[str, str]) -> Iterator[str]:
    if "type" not in filters:
        return
    value = filters["type"].casefold().removeprefix("*").removeprefix(".").removesuffix("/*")
    if not _TYPE.fullmatch(value):
        raise CommandError(
            f"{_given(filters['type'])} is no type of file. type: takes an ending such as pdf, a media type such as"
            " application/pdf, or image, video or audio."
        )
    yield of_type(_SAME.get(value, value))


async def _sender(call: Call, typed: str) -> str:
    if not typed.strip("@"):
        raise CommandError('from: takes a colleague, for example from:@bob or from:"Bob Jones".')
    if typed.casefold() in _ME:
        return call.sender.id
    people = await everybody(call.desk)
    found = people.named(typed.rstrip(",;"))
    if found is None:
        raise people.unknown(typed)
    return found.id


def _matter_id(call: Call, typed: str, conversation_id: str) -> str:
    if conversation_id:
        # The answer may be read by all who are here, and they may see other matters than the one who asks (M3).
        raise CommandError("in: is for your chat with me. Here I list the files of this conversation.")
    if not typed:
        raise CommandError("in: takes a matter's number, for example in:2026-0042.")
    matter, _ = read_matter(f'"{typed}"', call.desk.firm(), call.sender, call.desk.today())
    return matter.id if matter is not None else ""


def _day(call: Call, typed: str, name: str) -> date:
    if not typed:
        raise CommandError(f"{name}: takes a day, for example {name}:2026-11-23, or today or yesterday.")
    # Of the years around the first and the last, no zone can tell the moment.
    return min(max(read_day(call, typed), date(1970, 1, 2)), date(9000, 1, 1))


def _order(typed: str) -> Order:
    try:
        return Order(typed.casefold())
    except ValueError:
        raise CommandError(f"{_given(typed)} is no order. sort: takes name, size or date.") from None


def _given(typed: str) -> str:
    return repeated(typed) if typed else "Nothing"
