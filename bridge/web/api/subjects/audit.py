"""The audit log, for firm admins."""

from __future__ import annotations

from pydantic import Field

from bridge.firm.audit import Deed
from bridge.operations.admins.audit import PAGE, Asked, log_page
from bridge.operations.overview import matter_view
from bridge.operations.tokens import Scope
from bridge.web.api import models as shown
from bridge.web.api.asking import ApiCall
from bridge.web.api.table import PAGE_MOST, Moment, Paged, admins_get
from bridge.wording.audit_lines import audit_words


class AuditAsked(Paged):
    """Which entries."""

    limit: int = Field(PAGE, ge=1, le=PAGE_MOST, description="How many at most.")
    person: str = Field("", max_length=255, description="A staff or Matrix id: acting or concerned.")
    matter: str = Field("", max_length=255, description="A matter's id.")
    deed: Deed | None = Field(None, description="What was done or tried.")
    refused: bool = Field(False, description="Only what was refused.")
    since: Moment | None = None
    until: Moment | None = Field(None, description="The first moment that is too late.")


async def entries(call: ApiCall) -> shown.PageJson[shown.AuditEntryJson]:
    """The audit log, the newest entries first, as far as the admin may read it.
    A page may have few entries or none although there are more: go on for as long as `next` is given."""
    asked = call.asked(AuditAsked)
    before = call.cursors.opened(asked.cursor)
    view = await matter_view(call.desk, call.person.id, asked.matter) if asked.matter else None
    if asked.matter and view is None:
        return shown.PageJson(items=[], next=None)
    wanted = Asked(
        asked.person,
        None if view is None else view.matter,
        frozenset({asked.deed} if asked.deed is not None else ()),
        asked.refused,
        None if asked.since is None else int(asked.since.timestamp() * 1000),
        None if asked.until is None else int(asked.until.timestamp() * 1000),
    )
    page = await log_page(call.desk, call.person, wanted, None if before is None else int(before[0]), asked.limit)
    return shown.PageJson(
        items=[
            shown.AuditEntryJson(
                at=shown.moment(one.entry.at_ms),
                deed=str(one.entry.deed),
                actor=one.entry.actor,
                person=one.entry.person,
                subject=one.entry.subject,
                outcome="refused" if one.entry.outcome == "refused" else "done",
                text=audit_words(page.names, one, lambda title: not page.sight.names_hidden(title)),
            )
            for one in page.entries
        ],
        next=None if page.following is None else call.cursors.sealed((page.following,)),
    )


ROUTES = (
    admins_get(
        "audit.list",
        path="/audit",
        scope=Scope.AUDIT,
        run=entries,
        answer=shown.PageJson[shown.AuditEntryJson],
        query=AuditAsked,
    ),
)
