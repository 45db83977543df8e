"""The sources that there are, and what each can say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from bridge.directory.clio.records import GIVES as CLIO
from bridge.directory.clio.running import clio_of
from bridge.directory.scim.records import GIVES as SCIM
from bridge.directory.smokeball.records import GIVES as SMOKEBALL
from bridge.directory.smokeball.running import smokeball_of
from bridge.directory.sources.port import FILES
from bridge.directory.sources.reader import Count
from bridge.directory.sources.running import RunningSource
from bridge.directory.sources.union import Gives, Sources
from bridge.settings import Settings
from bridge.store.engine.store import Store

CAN_SAY: Mapping[str, Gives] = {
    "smokeball": SMOKEBALL,
    "clio": CLIO,
    "scim": SCIM,
}
"""The fields that a source can give, by its name and section; files can give all."""
_ASKED: Mapping[str, Callable[[Settings, Store, Count], RunningSource]] = {"smokeball": smokeball_of, "clio": clio_of}


def asked_sources(settings: Settings, store: Store, count: Callable[[str, str], None]) -> tuple[RunningSource, ...]:
    """The sources of the directory that are asked; `count` is told of each reading, by source and outcome."""
    asked = (name for name in settings.directory.sources if name in _ASKED)
    return tuple(_ASKED[name](settings, store, partial(count, name)) for name in asked)


def sources_of(settings: Settings, store: Store) -> Sources | None:
    """The sources of the directory; None where it is its files alone, as it always was."""
    owns: dict[str, tuple[str, ...]] = dict(settings.directory.sources.items())
    return None if tuple(owns) == (FILES,) else Sources(store, owns, CAN_SAY)
