"""No notification that names a matter or a person goes to the makers of telephones (F4).

Synapse's `push.include_content` takes out what was said, and leaves the room's name and the sender's for each pusher
that does not ask for ids alone (specification: PusherData, `format`). The only place that all pushers come through,
those that somebody makes and those that Synapse starts with, is its table of kinds; no callback is asked.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from synapse.module_api import ModuleApi
from synapse.push import PusherConfigException

from bridge.firm.audit import Deed
from bridge.guard.refusals import Attempt, attempt
from bridge.guard.requests import WITHOUT_NAMES, pushes_ids_alone

log = logging.getLogger(__name__)
_HTTP = "http"


def only_ids(api: ModuleApi, note: Callable[[Attempt], None]) -> bool:
    """Let Synapse make no other pushers from now on; whether this Synapse can be told so."""
    try:
        kinds = api._hs.get_pusherpool().pusher_factory.pusher_types
        make = kinds[_HTTP]
    except (AttributeError, KeyError):
        log.exception("The guard does not know how this Synapse makes pushers: names go to the makers of telephones")
        return False

    def make_with_ids(hs: Any, config: Any) -> Any:
        if not pushes_ids_alone(config.data):
            note(attempt(Deed.TRIED_TO_BE_PUSHED, config.user_name, WITHOUT_NAMES.rule))
            # Tells a client why, and a Synapse that starts that this one is not started.
            raise PusherConfigException(WITHOUT_NAMES.sentence)
        return make(hs, config)

    # E-mail has the names as well.
    kinds.clear()
    kinds[_HTTP] = make_with_ids
    return True
