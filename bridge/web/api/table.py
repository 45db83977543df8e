"""The declaration of a route: from it come dispatch, the description, the documentation and the walk of the tests."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property, partial
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from bridge.operations.tokens import Scope
from bridge.web.api.cursors import CURSOR_MAX

if TYPE_CHECKING:
    from bridge.web.api.asking import ApiCall

API_PATH: Final = "/api/v1"
PAGE_MOST = 200


_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def _written(given: object) -> object:
    """Else a number would be taken for seconds, or by its size for milliseconds."""
    if isinstance(given, str) and not _MOMENT.fullmatch(given):
        raise PydanticCustomError("moment", "It must be a moment with its zone, such as 2026-12-31T09:00:00Z")
    return given


Moment = Annotated[AwareDatetime, BeforeValidator(_written)]
"""RFC 3339, section 5.6."""


class Rate(StrEnum):
    """How often one token may ask, for all routes of the same rate together."""

    READ = "read"
    WRITE = "write"
    FILE = "file"
    SEARCH = "search"
    REPORT = "report"
    SCIM = "scim"

    @property
    def a_minute(self) -> int:
        """How often in a minute."""
        return _A_MINUTE[self]


_A_MINUTE: Final = {Rate.READ: 600, Rate.WRITE: 60, Rate.FILE: 120, Rate.SEARCH: 60, Rate.REPORT: 12, Rate.SCIM: 3000}


class Given(BaseModel):
    """What a request gives. What has no meaning is refused, so that a slip in a name does not do the opposite."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Given):
    """No parameters."""


class Paged(Given):
    """Which page of a list."""

    limit: int = Field(50, ge=1, le=PAGE_MOST, description="How many at most.")
    cursor: str | None = Field(None, max_length=CURSOR_MAX, description="`next` of the page before.")


class Rehearsed(Given):
    """Whether it is done."""

    dry_run: bool = Field(False, description="True: answer as if it were done, and do nothing.")


@dataclass(frozen=True)
class Route:
    """One thing that a system can ask for."""

    name: str
    """What the audit log and clients made from the description call it."""
    method: str
    path: str
    """Below `API_PATH`."""
    scope: Scope
    rate: Rate
    run: Callable[[ApiCall], Awaitable[Any]]
    """Asks the operation. Its docstring is the documentation."""
    answer: type[BaseModel] | None
    """None for the bytes of a file."""
    query: type[Given] = Nothing
    body: type[Given] | None = None
    for_admins: bool = False
    for_systems: bool = False
    """Whether a system that acts as itself may ask for it (A1)."""
    kept: bool = True
    """Whether its answer is kept for whoever sends it again. Else the operation, which knows its cause, answers again:
    it may be about what the address does not name, and somebody may not see any more (M3)."""

    @property
    def writes(self) -> bool:
        """Whether it changes something."""
        return self.method != "GET"

    @cached_property
    def said(self) -> tuple[str, str]:
        """What it does: in a line, and the rest."""
        first, _, rest = (self.run.__doc__ or "").partition("\n")
        return first.strip().rstrip("."), " ".join(rest.split())


get = partial(Route, method="GET", rate=Rate.READ)
admins_get = partial(get, for_admins=True)
do = partial(Route, rate=Rate.WRITE, query=Rehearsed)
admins_do = partial(do, for_admins=True)
CONVERSATION: Final = "/conversations/{conversation}"
