"""The sources that there are, and what each can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from bridge.directory.clio.records import GIVES as CLIO
from bridge.directory.scim.records import GIVES as SCIM
from bridge.directory.smokeball.records import GIVES as SMOKEBALL
from bridge.directory.sources.port import FILES
from bridge.directory.sources.union import Sources
from bridge.directory.sources.uniting import Gives
from bridge.settings import Settings
from bridge.store.engine.store import Store

if TYPE_CHECKING:
    from bridge.directory.sources.reader import Count
    from bridge.directory.sources.running import RunningSource

CAN_SAY: Mapping[str, Gives] = {
    "smokeball": SMOKEBALL,
    "clio": CLIO,
    "scim": SCIM,
}
"""The fields that a source can give, by its name and section; files can give all."""


def asked_sources(settings: Settings, store: Store, count: Callable[[str, str], None]) -> tuple[RunningSource, ...]:
    """The sources of the directory that are asked; `count` is told of each reading, by source and outcome."""
    asked = (name for name in settings.directory.sources if name in ("smokeball", "clio"))
    return tuple(_asked(name)(settings, store, partial(count, name)) for name in asked)


def _asked(name: str) -> Callable[[Settings, Store, Count], RunningSource]:
    """What makes it; a firm without it loads nothing of it."""
    if name == "smokeball":
        from bridge.directory.smokeball.running import smokeball_of

        return smokeball_of
    from bridge.directory.clio.running import clio_of

    return clio_of


def sources_of(settings: Settings, store: Store) -> Sources | None:
    """The sources of the directory; None where it is its files alone, as it always was."""
    owns: dict[str, tuple[str, ...]] = dict(settings.directory.sources.items())
    return None if tuple(owns) == (FILES,) else Sources(store, owns, CAN_SAY)
