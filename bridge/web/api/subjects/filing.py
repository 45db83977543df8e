"""The filing cabinet, and the transcript of a conversation."""

from __future__ import annotations

from typing import Literal

from aiohttp import web
from pydantic import Field

from bridge.filing.handing_out import transcript_for
from bridge.filing.telling import folder_words, trouble_words
from bridge.firm.conversation import ConversationKind, MatterConversation
from bridge.operations import by_kind
from bridge.operations import overview as seen
from bridge.operations.admins.filing import file_matter, filing_status, matter_is_filed
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api import reports
from bridge.web.api.asking import ApiCall, require_kind
from bridge.web.api.problems import not_there
from bridge.web.api.table import CONVERSATION, Given, Rate, admins_do, admins_get, get
from bridge.web.handing import handed_out
from bridge.web.panel.safety import FILE_HEADERS
from bridge.wording.markdown import plain


class Filed(Given):
    """Whether files are stored in the filing cabinet."""

    filed: bool


class TranscriptAsked(Given):
    """In which form."""

    form: Literal["pdf", "page"] = Field("pdf", description="A PDF, or a page in HTML.")


async def status(call: ApiCall) -> reports.FilingJson:
    """How the filing cabinet stands, without the matters that the admin must not hear of."""
    found = await filing_status(call.desk, call.person)
    counts, mode = found.counts, call.desk.settings.filing.mode
    assert mode != "off"
    troubles = [plain(trouble_words(one, folder_words(one))) for one in found.troubles]
    return reports.FilingJson(
        mode=mode,
        filed=counts.filed,
        waiting=counts.waiting,
        waiting_since=None if counts.oldest_ms is None else shown.moment(counts.oldest_ms),
        failed=counts.failed,
        errors=[*filter(None, (counts.error, counts.failure)), *troubles],
    )


async def of_matter(call: ApiCall) -> reports.MatterFilingJson:
    """Whether the files of a matter's conversations are stored in the filing cabinet."""
    filed = await matter_is_filed(call.desk, call.person, call.matter.matter)
    return reports.MatterFilingJson(filed=filed, waiting=0)


async def file_one(call: ApiCall) -> reports.MatterFilingJson:
    """Have the files of a matter's conversations stored in the filing cabinet, those sent before among them, or not.
    What is there already stays. It is kept in mind also where the firm has no filing cabinet."""
    wanted = call.asked(Filed).filed
    waiting = await file_matter(call.desk, call.person, call.matter.matter, filed=wanted)
    return reports.MatterFilingJson(filed=wanted, waiting=waiting)


async def transcript(call: ApiCall) -> web.StreamResponse:
    """All that was said in a conversation of a matter, as a PDF or a page, for whoever may see the matter.
    Each one is noted in the audit log."""
    view = call.conversation
    require_kind(view, ConversationKind.MATTER)
    found = await by_kind.shared(call.desk, view)
    if view.matter is None or not isinstance(found, MatterConversation):
        raise not_there()
    with call.slot():
        name, written = await transcript_for(call.desk, call.person, view.matter, found, call.cause)
        data, ending = (written.html, "html") if call.asked(TranscriptAsked).form == "page" else (written.pdf, "pdf")
        headers = {**FILE_HEADERS, "Cache-Control": "no-store"}
        given = await handed_out(call.request, f"{name}.{ending}", data, headers, lambda: _may_still_read(call))
    if given is None:
        raise not_there()
    return given


async def _may_still_read(call: ApiCall) -> bool:
    """Whether the token has not ended and the person may see the conversation (F2, M3)."""
    if not await call.still_works():
        return False
    return await seen.view(call.desk, call.person.id, call.conversation.entry.id) is not None


ROUTES = (
    admins_get(
        "matters.filing",
        path="/matters/{matter}/filing",
        scope=Scope.FILES,
        run=of_matter,
        answer=reports.MatterFilingJson,
    ),
    admins_do(
        "matters.file",
        "PUT",
        path="/matters/{matter}/filing",
        scope=Scope.CHANGE_FILES,
        run=file_one,
        answer=reports.MatterFilingJson,
        body=Filed,
    ),
    get(
        "conversations.transcript",
        path=f"{CONVERSATION}/transcript",
        scope=Scope.TEXT,
        run=transcript,
        answer=None,
        query=TranscriptAsked,
        rate=Rate.REPORT,
    ),
    admins_get(
        "filing.get",
        path="/filing",
        scope=Scope.FILES,
        run=status,
        answer=reports.FilingJson,
    ),
)
