"""Files: lists, and the bytes of one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from aiohttp import web
from pydantic import Field

from bridge.mapping.file_words import FileSearch, Order, in_matter, of_type, sent_by, sought
from bridge.operations.files.downloads import download_of
from bridge.operations.files.listing import FileSeen, files_seen
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.problems import ProblemError, not_there
from bridge.web.api.reading import is_known
from bridge.web.api.table import CONVERSATION, Moment, Paged, Rate, get
from bridge.web.handing import handed_over
from bridge.web.panel.safety import FILE_HEADERS

_WORDS_MAX = 10


class FilesAsked(Paged):
    """Which files."""

    q: str = Field("", max_length=200, description="Beginnings of words of name or caption.")
    type: str = Field("", max_length=130, description="An ending, a media type or its first half, or a kind.")
    sender: str = Field("", max_length=255, description="A staff id.")
    since: Moment | None = None
    until: Moment | None = Field(None, description="The first moment that is too late.")
    sort: Order = Field(Order.DATE, description="The newest first, by name, or the largest first.")


class AllFilesAsked(FilesAsked):
    """Which files of all."""

    matter: str = Field("", max_length=255, description="A matter's id.")


async def all_files(call: ApiCall) -> shown.PageJson[shown.FileJson]:
    """The files of all conversations that the person may be in."""
    asked = call.asked(AllFilesAsked)
    return await _files(call, asked, "", (in_matter(asked.matter),) if asked.matter else ())


async def files(call: ApiCall) -> shown.PageJson[shown.FileJson]:
    """The files of a conversation that the person is in."""
    return await _files(call, call.asked(FilesAsked), call.inside.entry.id)


async def _files(
    call: ApiCall, asked: FilesAsked, conversation_id: str, marks: tuple[str, ...] = ()
) -> shown.PageJson[shown.FileJson]:
    words = tuple(sought(asked.q))[:_WORDS_MAX]
    if asked.q.strip() and not words:
        return shown.PageJson(items=[], next=None)
    of_types = (of_type(asked.type.casefold().removeprefix(".")),) if asked.type else ()
    by = (sent_by(asked.sender),) if asked.sender else ()
    wanted = FileSearch(
        conversation_id,
        words,
        (*marks, *of_types, *by),
        None if asked.since is None else int(asked.since.timestamp() * 1000),
        None if asked.until is None else int(asked.until.timestamp() * 1000),
        asked.sort,
    )
    found = await files_seen(call.desk, call.person, wanted, call.cursors.opened(asked.cursor), asked.limit)
    following = None if found.following is None else call.cursors.sealed(found.following)
    return shown.PageJson(items=_shown(found.files), next=following)


def _shown(found: Sequence[FileSeen]) -> list[shown.FileJson]:
    return [
        shown.FileJson(
            event_id=one.event_id,
            conversation_id=one.conversation.id,
            name=one.name,
            type=one.type,
            kind=one.kind,
            size=one.size,
            caption=one.caption,
            sender=one.sender,
            at=shown.moment(one.at_ms),
            version=one.version,
            versions=one.versions,
            filed=one.filed,
        )
        for one in found
        if one.conversation is not None
    ]


async def download(call: ApiCall) -> web.StreamResponse:
    """The bytes of a file.
    The policy is asked each time; a file whose message was deleted is gone."""
    found = await download_of(call.desk, call.person, call.conversation.entry.id, call.named("event"))
    if found is None:
        raise not_there()
    if found.encrypted:
        raise ProblemError(409, "encrypted", "The sender's client encrypted this file. Open it in your client.")
    tag = f'"{hashlib.sha256(found.mxc.encode()).hexdigest()[:32]}"'
    fresh = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(call.request, tag):
        return web.Response(status=304, headers=fresh)
    with call.slot():
        headers = {**FILE_HEADERS, **fresh}
        response = await handed_over(call.request, call.desk, found, headers, lambda: _may_still(call))
    if response is None:
        raise ProblemError(404, "file_gone", "The firm's server does not have this file any more.")
    return response


async def _may_still(call: ApiCall) -> bool:
    """Whether the token has not ended and the person may have the file (F2, M3)."""
    if not await call.still_works():
        return False
    conversation_id = call.conversation.entry.id
    return await download_of(call.desk, call.person, conversation_id, call.named("event")) is not None


ROUTES = (
    get(
        "files.search",
        path="/files",
        scope=Scope.FILES,
        for_systems=True,
        run=all_files,
        answer=shown.PageJson[shown.FileJson],
        query=AllFilesAsked,
        rate=Rate.SEARCH,
    ),
    get(
        "files.list",
        path=f"{CONVERSATION}/files",
        scope=Scope.FILES,
        run=files,
        answer=shown.PageJson[shown.FileJson],
        query=FilesAsked,
    ),
    get(
        "files.download",
        path=f"{CONVERSATION}/files/{{event}}",
        scope=Scope.FILES,
        for_systems=True,
        run=download,
        answer=None,
        rate=Rate.FILE,
    ),
)
