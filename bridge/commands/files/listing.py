"""The files of a conversation, or of all that somebody may see, and the versions of one (V3).

Every page is decided anew: what the person who asks may not see at that moment is in none (M3, D4).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from bridge.commands.asking.paging import PAGE, in_parts
from bridge.commands.asking.shown import place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, Part
from bridge.commands.asking.where import EVERYWHERE, Where
from bridge.commands.files.filters import read_asked
from bridge.commands.files.lines import Heard, file_line, hear
from bridge.firm.conversation import ConversationKind
from bridge.firm.policy import may_be_in
from bridge.mapping.file_words import Asked, Order
from bridge.mapping.files import is_given, name_key, shown_name
from bridge.refusal import CommandError
from bridge.store.files.lists import (
    Hit,
    Key,
    Listed,
    conversations_for,
    files_after,
    listed,
    listed_versions,
    versions_after,
)
from bridge.wording.markdown import escape, repeated

_ORDERS: Mapping[Order, str] = {
    Order.DATE: "newest first",
    Order.NAME: "by name",
    Order.SIZE: "largest first",
}
_MOST_AT_ONCE = 1600
_QUOTES = "\"'“”„"


async def _here(call: Call) -> str:
    """The id of the conversation it is typed in; empty for the chat with the bot."""
    conversation = await call.conversation()
    return "" if conversation.kind is ConversationKind.BOT else conversation.id


async def _still_here(call: Call, conversation_id: str) -> None:
    if await _here(call) != conversation_id:
        raise CommandError("You are not in that conversation any more. Ask for the list again where you are.")


async def _files(call: Call) -> Answer:
    return await in_parts(call, partial(_part, await _here(call)))


async def _part(conversation_id: str, call: Call, after: Key | None) -> Part:
    await _still_here(call, conversation_id)
    asked = await read_asked(call, conversation_id)
    hits = await _found(call, asked, after)
    rows, heard = await _read(call, hits[:PAGE], listed)
    if not hits and after is None:
        nothing = "There are no files here yet." if conversation_id else "There are no files yet that you can see."
        return Part((), nothing if asked.everything else "There is no file that fits that.")
    lines = [file_line(call, one, heard, everywhere=not conversation_id) for one in rows]
    head = f"**Files{await _of(call, conversation_id)}, {_ORDERS[asked.order]}**" if after is None else ""
    return Part(lines, head, hits[PAGE - 1].key if len(hits) > PAGE else None)


async def _of(call: Call, conversation_id: str) -> str:
    """Of which conversation files are; empty for those of all."""
    return f" of {escape(place_name(call, await call.conversation()))}" if conversation_id else ""


async def _found(call: Call, asked: Asked, after: Key | None) -> list[Hit]:
    """The next files that this person may see, up to one more than a page has."""
    wanted, at_once = PAGE + 1, PAGE + 1
    if asked.conversation_id:
        return await call.desk.store.read(lambda: files_after(asked, after, wanted))
    found: list[Hit] = []
    while True:
        hits, visible = await call.desk.store.read(partial(_visible, call, asked, after, at_once))
        found += visible
        if len(hits) < at_once or len(found) >= wanted:
            return found[:wanted]
        after, at_once = hits[-1].key, min(at_once * 2, _MOST_AT_ONCE)


def _visible(call: Call, asked: Asked, after: Key | None, limit: int) -> tuple[list[Hit], list[Hit]]:
    """A unit: the next files, and those of them in conversations that this person may be in at this moment."""
    firm, today = call.desk.firm(), call.desk.reconciler.today()
    hits = files_after(asked, after, limit)
    places = conversations_for({hit.conversation_id for hit in hits}, call.sender.id)
    seen = {key for key, place in places.items() if may_be_in(firm, call.sender.id, place, today)}
    return hits, [hit for hit in hits if hit.conversation_id in seen]


async def _read(
    call: Call, hits: list[Hit], told: Callable[[Sequence[Hit]], list[Listed]]
) -> tuple[list[Listed], Heard]:
    def unit() -> tuple[list[Listed], Heard]:
        return told(hits), hear({hit.conversation_id for hit in hits})

    return await call.desk.store.read(unit)


async def _versions(call: Call) -> Answer:
    conversation_id = await _here(call)
    if not conversation_id:
        raise CommandError("Type this in the conversation it is about.")
    return await in_parts(call, partial(_version_part, conversation_id))


async def _version_part(conversation_id: str, call: Call, after: Key | None) -> Part:
    await _still_here(call, conversation_id)
    typed = call.values["name"].strip().strip(_QUOTES)
    key = name_key(typed)
    hits = await call.desk.store.read(lambda: versions_after(conversation_id, key, after, PAGE + 1))
    rows, heard = await _read(call, hits[:PAGE], listed_versions)
    if not rows and after is None and not is_given(typed):
        raise CommandError(
            f"{repeated(shown_name(typed))} is a name that programs give to whatever is pasted or scanned, so files of"
            " that name are not versions of each other. `!files` with that name lists them."
        )
    if not rows and after is None:
        raise CommandError(
            f"No file here is called {repeated(shown_name(typed))}. `!files` with the beginning of a word finds files."
        )
    count = rows[0].versions if rows else 0
    versions = "1 version" if count == 1 else f"{count} versions"
    of = f"{escape(shown_name(typed))}{await _of(call, conversation_id)}"
    head = f"**{of}: {versions}, newest first**" if after is None else ""
    lines = [file_line(call, one, heard, numbered=True) for one in rows]
    return Part(lines, head, hits[PAGE - 1].key if len(hits) > PAGE else None)


FILES = Command(
    "files",
    "The files of a conversation, or of all you can see",
    _files,
    (
        Argument(
            "filters",
            ArgumentType.MATTERS,
            required=False,
            shown="WORDS type:pdf from:@person since:DATE until:DATE sort:name|size|date",
        ),
    ),
    help="In a conversation it lists that conversation's files; in your chat with me those of every conversation you"
    " can see, and in:NUMBER only a matter's. Words are looked for in names and captions, by how they begin. type:"
    " takes an ending such as pdf, a media type such as image/png, or image, video or audio. Of several versions of a"
    " file the newest that fits is shown.",
    examples=("!files", "!files lease type:pdf", "!files from:@ruth since:2026-01-01", "!files sort:size"),
    here=True,
    group="Pinned and files",
    where=EVERYWHERE,
    also=("documents",),
)
FILE_VERSIONS = Command(
    "files versions",
    "The versions of a file",
    _versions,
    (Argument("name", ArgumentType.WORDS, shown="NAME"),),
    help="A file sent again under the same name in the same conversation is a new version. This lists all of them, the"
    " newest first.",
    examples=("!files versions Lease.pdf",),
    here=True,
    group="Pinned and files",
    where=EVERYWHERE - {Where.CHAT},
    also=("versions",),
)
