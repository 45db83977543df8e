"""Files that are uploaded (V4)."""

from __future__ import annotations

import logging
from typing import Any

from synapse.module_api import NOT_SPAM
from synapse.module_api.errors import Codes, SynapseError

from bridge.firm.audit import Deed
from bridge.guard.files import bytes_refusal, size_refusal
from bridge.guard.hooks.context import HookContext, requester
from bridge.guard.refusals import attempt

log = logging.getLogger(__name__)


class MediaHooks:
    """Asked of each upload."""

    def __init__(self, context: HookContext) -> None:
        self._context = context

    async def is_user_allowed_to_upload_media_of_size(self, user_id: str, size: int) -> bool:
        """Whether somebody may upload so many bytes; raises SynapseError with the sentence for them where not (V4)."""
        self._context.wait_for_first()
        if user_id != self._context.gate.bot and (refusal := size_refusal(size, self._context.facts)) is not None:
            self._context.note(attempt(Deed.TRIED_TO_SEND_FILE, user_id, refusal.rule))
            log.warning("The guard refused %s: an upload, by %s", refusal.rule, user_id)
            raise SynapseError(413, refusal.sentence, Codes.TOO_LARGE)
        return True

    async def check_media_file_for_spam(self, file: Any, info: Any) -> Any:
        """Let a file be kept, or raise SynapseError with the sentence for whoever uploads it (V4).

        Synapse asks for what it makes of files, too; of that nobody needs to know.
        """
        if info.thumbnail is None and not info.url_cache:
            sender = requester()
            refusal = await self._context.api.defer_to_thread(bytes_refusal, file.path, self._context.facts)
            if refusal is not None:
                self._context.note(attempt(Deed.TRIED_TO_SEND_FILE, sender, refusal.rule))
                log.warning("The guard refused %s: an upload, by %s", refusal.rule, sender or "somebody")
                raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)
        return NOT_SPAM
