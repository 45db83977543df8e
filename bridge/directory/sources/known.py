"""The sources that there are, and what each can say."""

from __future__ import annotations

from collections.abc import Mapping

from bridge.directory.scim.records import GIVES as SCIM
from bridge.directory.smokeball.records import GIVES as SMOKEBALL
from bridge.directory.sources.port import FILES
from bridge.directory.sources.union import Gives, Sources
from bridge.settings import Settings
from bridge.store.engine.store import Store

CAN_SAY: Mapping[str, Gives] = {
    "smokeball": SMOKEBALL,
    "scim": SCIM,
}
"""The fields that a source can give, by its name and section; files can give all."""


def sources_of(settings: Settings, store: Store) -> Sources | None:
    """The sources of the directory; None where it is its files alone, as it always was."""
    owns: dict[str, tuple[str, ...]] = dict(settings.directory.sources.items())
    return None if tuple(owns) == (FILES,) else Sources(store, owns, CAN_SAY)
