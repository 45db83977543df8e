"""The files of a conversation, or of all that somebody may see, and the versions of one (V3).

Every page is decided anew: what the person who asks may not see at that moment is in none (M3, D4).
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Annotated

from bridge.commands.asking.paging import PAGE, in_parts
from bridge.commands.asking.permissions import DONE, of_here
from bridge.commands.asking.shown import place_name
from bridge.commands.asking.table import Answer, Argument, ArgumentType, Call, Command, ListPage
from bridge.commands.asking.where import EVERYWHERE, Where
from bridge.commands.files.filters import read_asked
from bridge.commands.files.lines import file_line
from bridge.firm.conversation import ConversationKind
from bridge.mapping.file_words import Order
from bridge.mapping.files import is_given, name_key, shown_name
from bridge.operations.files.listing import After, files_seen, versions_seen
from bridge.refusal import CommandError
from bridge.wording.markdown import escape, repeated

_ORDERS: Mapping[Order, str] = {
    Order.DATE: "newest first",
    Order.NAME: "by name",
    Order.SIZE: "largest first",
}
_QUOTES = "\"'“”„"
_FILTERS = "WORDS type:pdf from:@person since:DATE until:DATE sort:name|size|date"


async def _here(call: Call) -> str:
    """The id of the conversation it is typed in; empty for the chat with the bot."""
    conversation = await call.conversation()
    return "" if conversation.kind is ConversationKind.BOT else conversation.id


async def _files(call: Call, filters: Annotated[str, Argument(ArgumentType.MATTERS, _FILTERS)] = "") -> Answer:
    return await in_parts(call, partial(_part, filters, await _here(call)))


async def _part(filters: str, conversation_id: str, call: Call) -> ListPage:
    after = _after(call)
    asked = await read_asked(call, filters, conversation_id)
    page = await files_seen(call.desk, call.sender, asked, after, PAGE)
    if not page.files and page.following is None and after is None:
        nothing = "There are no files here yet." if conversation_id else "There are no files yet that you can see."
        return ListPage((), nothing if asked.everything else "There is no file that fits that.")
    lines = [file_line(call, one, everywhere=not conversation_id) for one in page.files]
    head = f"**Files{await _of(call, conversation_id)}, {_ORDERS[asked.order]}**" if after is None else ""
    return ListPage(lines, head, page.following)


def _after(call: Call) -> After | None:
    return tuple(call.after) if isinstance(call.after, list) else None


async def _of(call: Call, conversation_id: str) -> str:
    """Of which conversation files are; empty for those of all."""
    return f" of {escape(place_name(call, await call.conversation()))}" if conversation_id else ""


async def _versions(call: Call, name: Annotated[str, Argument(ArgumentType.WORDS, "NAME")]) -> Answer:
    conversation_id = await _here(call)
    if not conversation_id:
        raise CommandError("Type this in the conversation it is about.")
    return await in_parts(call, partial(_version_part, name.strip().strip(_QUOTES), conversation_id))


async def _version_part(typed: str, conversation_id: str, call: Call) -> ListPage:
    after = _after(call)
    page = await versions_seen(call.desk, call.sender, conversation_id, name_key(typed), after, PAGE)
    rows = page.files
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
    lines = [file_line(call, one, numbered=True) for one in rows]
    return ListPage(lines, head, page.following)


FILES = Command(
    "files",
    "The files of a conversation, or of all you can see",
    _files,
    help="In a conversation it lists that conversation's files; in your chat with me those of every conversation you"
    " can see, and in:NUMBER only a matter's. Words are looked for in names and captions, by how they begin. type:"
    " takes an ending such as pdf, a media type such as image/png, or image, video or audio. Of several versions of a"
    " file the newest that fits is shown.",
    examples=("!files", "!files lease type:pdf", "!files from:@ruth since:2026-01-01", "!files sort:size"),
    here=True,
    group="Pinned and files",
    where=EVERYWHERE,
    also=("documents",),
    asked_by=frozenset(
        {
            "file",
            "files",
            "document",
            "documents",
            "attachment",
            "attachments",
            "pdf",
            "find",
            "search",
            "lease",
            "contract",
        }
    ),
)
FILE_VERSIONS = Command(
    "files versions",
    "The versions of a file",
    _versions,
    help="A file sent again under the same name in the same conversation is a new version. This lists all of them, the"
    " newest first.",
    examples=("!files versions Lease.pdf",),
    here=True,
    group="Pinned and files",
    where=EVERYWHERE - {Where.CHAT},
    also=("versions",),
    permission=of_here(DONE, DONE, DONE, DONE),
)
