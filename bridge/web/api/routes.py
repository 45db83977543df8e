"""Every route of the API in one table, which each subject declares beside what answers."""

from __future__ import annotations

from typing import Final

from bridge.web.api.subjects import (
    access,
    audit,
    channels,
    conversations,
    digest,
    directory,
    files,
    filing,
    matters,
    participants,
    people,
    pins,
    walls,
    webhooks,
    why,
)
from bridge.web.api.table import Route

ROUTES: Final[tuple[Route, ...]] = (
    *people.ROUTES,
    *matters.ROUTES,
    *access.ROUTES,
    *conversations.ROUTES,
    *channels.ROUTES,
    *participants.ROUTES,
    *files.ROUTES,
    *pins.ROUTES,
    *walls.ROUTES,
    *audit.ROUTES,
    *directory.ROUTES,
    *why.ROUTES,
    *filing.ROUTES,
    *digest.ROUTES,
    *webhooks.ROUTES,
)
