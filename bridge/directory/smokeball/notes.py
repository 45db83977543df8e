"""Notes that Smokeball shows to a member of its staff (Smokeball's description, POST /notifications)."""

from __future__ import annotations

import re
from collections.abc import Callable

from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.sources.asking import Json
from bridge.directory.sources.keeping import own_id_of
from bridge.directory.sources.port import SourceError
from bridge.firm.errors import BridgeError
from bridge.store.engine.store import Store

_MARKS = re.compile(r"[*\[\]]+|--+")
"""What Smokeball takes for more than text: bold, italic, and the id of somebody whom a note is to name."""


class _UnneededError(BridgeError):
    """By the time a note could be sent there is none."""


class SmokeballNotes:
    """The port `Notes`. They count among the requests that Smokeball allows."""

    def __init__(self, api: SmokeballApi, store: Store) -> None:
        self.trouble = ""
        self._api = api
        self._store = store

    async def show(self, staff_id: str, text: Callable[[], str]) -> bool:
        own = await self._store.read(own_id_of, "smokeball", "staff", staff_id)
        if not own:
            return False

        def note() -> Json:
            if not (words := plain(text())):
                raise _UnneededError
            return {"staffId": own, "message": words, "toastyMessage": words}

        try:
            await self._api.send_once("/notifications", note)
        except _UnneededError:
            return False
        except SourceError as error:
            self.trouble = str(error)
            raise
        self.trouble = ""
        return True


def plain(text: str) -> str:
    """The text without what Smokeball takes for more than text. Pure."""
    return " ".join(_MARKS.sub(" ", text).split())
