"""The guard as Synapse loads it.

modules:
  - module: bridge.guard.module.Guard
    config:
      bot: "@bot:firm.example"
      key: the guard.key of the bridge's configuration
      path: /var/lib/matrix-synapse/firm-policy
"""

from __future__ import annotations

import atexit
import logging
from pathlib import Path
from urllib.parse import quote

from synapse.module_api import ModuleApi

from bridge.guard.farewells import Farewells
from bridge.guard.gate import Gate
from bridge.guard.hooks.accounts import AccountHooks
from bridge.guard.hooks.config import GuardConfig, read_config
from bridge.guard.hooks.context import HookContext
from bridge.guard.hooks.delegated import judge_sessions
from bridge.guard.hooks.events import EventHooks
from bridge.guard.hooks.former import Former
from bridge.guard.hooks.main_process import Workers
from bridge.guard.hooks.marks import RoomMarks
from bridge.guard.hooks.media import MediaHooks
from bridge.guard.hooks.pushing import only_ids
from bridge.guard.hooks.resources import (
    FactsResource,
    FarewellResource,
    PolicyResource,
    ProcessesResource,
    RefusalsResource,
)
from bridge.guard.hooks.rooms import RoomHooks
from bridge.guard.hooks.worker_process import ElsewhereResource, Follower
from bridge.guard.keeper import Keeper, PolicyLostError
from bridge.guard.processes import Processes
from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, PROCESSES_PATH, REFUSALS_PATH

log = logging.getLogger(__name__)
_TICK_MS = 5_000
"""Between moments at which repetitions are written, and the disk is made to keep what was."""


class Guard:
    """Refuses forbidden memberships, state, files and words in closed rooms, whoever asks."""

    parse_config = staticmethod(read_config)

    def __init__(self, config: GuardConfig, api: ModuleApi) -> None:
        gate = Gate(config.bot, config.checker)
        # Each process has a list of refusals of its own. A worker takes the policy from the main process (R2).
        worker = api.worker_name
        own = config.path.with_name(f"{config.path.name}.{quote(worker, safe='')}") if worker else config.path
        self._keeper = Keeper(own, config.key)
        self._key = config.key
        self._api = api
        self._farewells = Farewells(self._keeper, config.key)
        following = Follower(self._keeper, config.key, worker, api) if worker else None
        context = HookContext(gate, self._keeper, following, api)
        self._note = context.note
        self._register(context, config)
        if worker:
            for path in (PATH, FACTS_PATH, REFUSALS_PATH, FAREWELL_PATH):
                api.register_web_resource(path, ElsewhereResource(worker))
        else:
            self._load()
            self._serve(config.path)
        only_ids(api, context.note)
        api.looping_background_call(self._tick, _TICK_MS, desc="firm_bridge_refusals", run_on_all_instances=True)
        # A stop loses nothing that was counted; a kill, how often something was repeated within its window.
        atexit.register(self._keeper.spool.close)

    def _register(self, context: HookContext, config: GuardConfig) -> None:
        """Have Synapse ask before it does something."""
        api, marks = self._api, RoomMarks(config.bot, self._api)
        former = Former(context.gate, lambda: context.sure, context.today, api)
        events, rooms = EventHooks(context, marks, former), RoomHooks(context, marks, config.key)
        media = MediaHooks(context)
        accounts = AccountHooks(context, marks, former, self._farewells, rooms)
        api.register_third_party_rules_callbacks(
            check_event_allowed=events.check_event_allowed,
            on_create_room=rooms.on_create_room,
            check_can_deactivate_user=accounts.check_can_deactivate_user,
            on_user_deactivation_status_changed=accounts.on_user_deactivation_status_changed,
            check_can_shutdown_room=rooms.check_can_shutdown_room,
        )
        api.register_account_validity_callbacks(is_user_expired=accounts.is_user_expired)
        judge_sessions(api, config.bot, accounts.is_user_expired)
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            add_field_to_unsigned_callback=former.extra_fields
        )
        api.register_spam_checker_callbacks(
            check_login_for_spam=accounts.check_login_for_spam,
            check_media_file_for_spam=media.check_media_file_for_spam,
            user_may_join_room=rooms.user_may_join_room,
        )
        api.register_media_repository_callbacks(
            is_user_allowed_to_upload_media_of_size=media.is_user_allowed_to_upload_media_of_size
        )

    def _load(self) -> None:
        try:
            self._keeper.load()
        except PolicyLostError as error:
            log.error("Nobody comes into any room until the bridge has told the firm's policy again. %s", error)  # noqa: TRY400
        policy = self._keeper.policy
        log.info("The firm's guard is in force, with version %s of its policy", policy.version if policy else "none")

    def _serve(self, path: Path) -> None:
        """Serve what the bridge, and the guards in Synapse's workers, ask of the one in the main process."""
        keeper, note, api = self._keeper, self._note, self._api
        workers = Workers(keeper, Processes(path.with_name(path.name + ".processes")), self._key, api)
        api.register_web_resource(PATH, PolicyResource(keeper, note, api, workers))
        api.register_web_resource(PROCESSES_PATH, ProcessesResource(keeper, note, api, workers))
        api.register_web_resource(FACTS_PATH, FactsResource(keeper, note, api))
        api.register_web_resource(REFUSALS_PATH, RefusalsResource(keeper, note, api, workers))
        api.register_web_resource(FAREWELL_PATH, FarewellResource(keeper, self._farewells, note, api))

    async def _tick(self) -> None:
        await self._api.defer_to_thread(self._keeper.spool.tick)
