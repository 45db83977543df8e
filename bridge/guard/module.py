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
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from synapse.logging.context import current_context
from synapse.module_api import NOT_SPAM, DirectServeJsonResource, EventBase, ModuleApi, StateMap, SynapseRequest
from synapse.module_api.errors import Codes, ConfigError, SynapseError

from bridge.firm.audit import Deed
from bridge.firm.facts import Facts
from bridge.firm.room_keys import MARKER
from bridge.guard.asking import answer_to
from bridge.guard.creation import wish_of
from bridge.guard.files import bytes_refusal, size_refusal
from bridge.guard.gate import GATED, MEMBER, Change, Gate, Mark, Refusal
from bridge.guard.keeper import Keeper, PolicyLost, PushRefused
from bridge.guard.protocol import FACTS_PATH, MAX_BYTES, PATH, REFUSALS_PATH, SIGNATURE_HEADER
from bridge.guard.refusals import Attempt, attempt, attempt_of
from bridge.guard.writing import Written, refused

log = logging.getLogger(__name__)
_ROOMS_IN_THE_MAKING = 1000
_KEY_LENGTH = 16
_TICK_MS = 5_000
"""Between moments at which repetitions are written, and the disk is made to keep what was."""
_FORGED = frozenset({403, 413})
"""How those are answered who have not the key."""


@dataclass(frozen=True)
class GuardConfig:
    """What homeserver.yaml says about the guard."""

    bot: str
    key: str
    path: Path
    checker: str = ""


class Guard:
    """Refuses forbidden memberships, state, files and words in closed rooms, whoever asks."""

    def __init__(self, config: GuardConfig, api: ModuleApi) -> None:
        self._gate = Gate(config.bot, config.checker)
        self._keeper = Keeper(config.path, config.key)
        self._key = config.key
        self._being_made: OrderedDict[str, Mark] = OrderedDict()
        """Marks of rooms whose first state is not stored yet, by room id."""
        try:
            self._keeper.load()
        except PolicyLost as error:
            log.error("Nobody comes into any room until the bridge has told the firm's policy again. %s", error)  # noqa: TRY400
        self._api = api
        api.register_third_party_rules_callbacks(
            check_event_allowed=self.check_event_allowed,
            on_create_room=self.on_create_room,
            check_can_deactivate_user=self.check_can_deactivate_user,
            check_can_shutdown_room=self.check_can_shutdown_room,
        )
        api.register_account_validity_callbacks(is_user_expired=self.is_user_expired)
        api.register_spam_checker_callbacks(
            check_login_for_spam=self.check_login_for_spam, check_media_file_for_spam=self.check_media_file_for_spam
        )
        api.register_media_repository_callbacks(
            is_user_allowed_to_upload_media_of_size=self.is_user_allowed_to_upload_media_of_size
        )
        api.register_web_resource(PATH, PolicyResource(self._keeper, self._note, api))
        api.register_web_resource(FACTS_PATH, FactsResource(self._keeper, self._note, api))
        api.register_web_resource(REFUSALS_PATH, RefusalsResource(self._keeper, self._note, api))
        api.looping_background_call(self._tick, _TICK_MS, desc="firm_bridge_refusals")
        # A stop loses nothing that was counted; a kill, how often something was repeated within its window.
        atexit.register(self._keeper.spool.close)
        policy = self._keeper.policy
        log.info("The firm's guard is in force, with version %s of its policy", policy.version if policy else "none")

    @staticmethod
    def parse_config(config: dict[str, Any]) -> GuardConfig:
        """Judge the configuration. Raises ConfigError."""
        unknown = config.keys() - {"bot", "key", "path", "checker"}
        bot, key, path, checker = (config.get(name, "") for name in ("bot", "key", "path", "checker"))
        if unknown or not all(isinstance(value, str) for value in (bot, key, path, checker)):
            raise ConfigError("The guard's settings are bot, key, path and checker, each a text.")
        if not bot.startswith("@") or ":" not in bot:
            raise ConfigError("The guard needs bot: the Matrix id of the firm's bot, such as @bot:firm.example.")
        if len(key) < _KEY_LENGTH:
            raise ConfigError("The guard needs key: the guard.key of the bridge's configuration.")
        if not Path(path).is_absolute() or not Path(path).parent.is_dir():
            raise ConfigError("The guard needs path: a file, in a folder that is there, which Synapse may write.")
        return GuardConfig(bot, key, Path(path), checker)

    async def check_event_allowed(
        self, event: EventBase, state: StateMap[EventBase]
    ) -> tuple[bool, dict[str, Any] | None]:
        """Let an event pass, or raise SynapseError with the sentence for whoever asked."""
        mark, facts = self._mark(event, state), self._facts
        if event.type not in GATED or not event.is_state():
            written = Written(event.type, event.sender, event.room_id, event.content)
            tried = refused(written, mark, self._gate, facts)
            # Who is not in the room hears Synapse's own words, which tell nothing of it (M3).
            if tried is not None and _is_in(event.sender, state):
                self._note(tried[0])
                self._refuse(event, "", tried[1])
            return True, None
        membership = before = ""
        if event.type == MEMBER:
            membership = str(event.content.get("membership", ""))
            earlier = state.get((MEMBER, event.state_key))
            before = str(earlier.content.get("membership", "")) if earlier is not None else ""
        change = Change(event.type, event.sender, event.state_key, membership, before)
        policy = self._keeper.policy
        refusal = self._gate.refusal(change, mark, facts, policy.today() if policy else date.min)
        if refusal is not None:
            self._note(attempt_of(change, mark, event.room_id, refusal))
            self._refuse(event, membership, refusal)
        if event.type == MARKER:
            self._remember(event)
        return True, None

    async def on_create_room(self, requester: Any, content: dict[str, Any], is_admin: bool) -> None:
        """Let the bot make a room. For anybody else raise what their client is told: the firm's room, or a sentence."""
        asked_by = requester.user.to_string()
        if asked_by == self._gate.bot:
            return
        facts = self._facts
        wish = wish_of(asked_by, content, self._gate, facts)
        if isinstance(wish, Refusal):
            self._note(attempt(Deed.TRIED_TO_CREATE, asked_by, wish.rule))
            log.warning("The guard refused %s: a room that %s wanted", wish.rule, asked_by)
            raise SynapseError(403, wish.sentence, Codes.FORBIDDEN)
        assert facts is not None
        raise await answer_to(wish, facts, self._key, self._api)

    async def check_can_deactivate_user(self, user_id: str, by_admin: bool) -> bool:
        """Whether Synapse may close an account, for its owner or for a server admin."""
        allowed = self._gate.may_be_deactivated(user_id, self._facts)
        if not allowed:
            owner = "" if by_admin else user_id
            self._note(attempt(Deed.TRIED_TO_DEACTIVATE, owner, "F2", person=user_id))
            asked_by = "a server admin" if by_admin else "its owner"
            log.warning("The guard refused F2: the account %s is active staff's, closed by %s", user_id, asked_by)
        return allowed

    async def check_can_shutdown_room(self, user_id: str | None, room_id: str) -> bool:
        """Whether Synapse may shut down a room for a server admin."""
        try:
            state = await self._api.get_room_state(room_id, [(MARKER, "")])
        except Exception:
            # Synapse takes an exception for a yes.
            log.exception("The guard cannot see what the room %s is, so it is not shut down", room_id)
            return False
        marker = state.get((MARKER, ""))
        mark = _read_mark(marker) if marker is not None and marker.sender == self._gate.bot else None
        allowed = self._gate.may_be_shut_down(user_id or "", mark)
        if not allowed:
            on = mark.key if mark is not None else room_id
            self._note(attempt(Deed.TRIED_TO_SHUT_DOWN, user_id or "", "O3", on=on))
            log.warning("The guard refused O3: the firm's room %s, shut down by %s", room_id, user_id)
        return allowed

    async def is_user_expired(self, user_id: str) -> bool | None:
        """Whether requests with this account's tokens are refused; None where Synapse decides."""
        if not self._is_cut_off(user_id):
            return None
        # Synapse also asks for its own sake, when it looks whom it should notify.
        if getattr(current_context(), "request", None) is not None:
            self._note(attempt(Deed.TRIED_OLD_SESSION, user_id, "F2"))
        return True

    async def check_login_for_spam(self, user_id: str, *_: Any) -> Any:
        """Whether somebody may log in."""
        if not self._is_cut_off(user_id):
            return NOT_SPAM
        self._note(attempt(Deed.TRIED_TO_LOG_IN, user_id, "F2"))
        log.warning("The guard refused F2: a login of %s, who is cut off", user_id)
        return Codes.FORBIDDEN

    def _is_cut_off(self, user_id: str) -> bool:
        return self._gate.is_cut_off(user_id, self._facts)

    async def is_user_allowed_to_upload_media_of_size(self, user_id: str, size: int) -> bool:
        """Whether somebody may upload so many bytes; raises SynapseError with the sentence for them where not (V4)."""
        if user_id != self._gate.bot and (refusal := size_refusal(size, self._facts)) is not None:
            self._note(attempt(Deed.TRIED_TO_SEND_FILE, user_id, refusal.rule))
            log.warning("The guard refused %s: an upload, by %s", refusal.rule, user_id)
            raise SynapseError(413, refusal.sentence, Codes.TOO_LARGE)
        return True

    async def check_media_file_for_spam(self, file: Any, info: Any) -> Any:
        """Let a file be kept, or raise SynapseError with the sentence for whoever uploads it (V4).

        Synapse asks for what it makes of files, too; of that nobody needs to know.
        """
        if info.thumbnail is None and not info.url_cache:
            refusal = await self._api.defer_to_thread(bytes_refusal, file.path, self._facts)
            if refusal is not None:
                self._note(attempt(Deed.TRIED_TO_SEND_FILE, "", refusal.rule))
                log.warning("The guard refused %s: an upload", refusal.rule)
                raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)
        return NOT_SPAM

    @property
    def _facts(self) -> Facts | None:
        policy = self._keeper.policy
        return policy.facts if policy else None

    def _mark(self, event: EventBase, state: StateMap[EventBase]) -> Mark | None:
        """What the room is. While it is made, its first state is not stored, and the marker comes before the people."""
        marker = state.get((MARKER, ""))
        if marker is None:
            return self._being_made.get(event.room_id)
        return _read_mark(marker) if marker.sender == self._gate.bot else None

    def _remember(self, event: EventBase) -> None:
        self._being_made[event.room_id] = _read_mark(event)
        while len(self._being_made) > _ROOMS_IN_THE_MAKING:
            self._being_made.popitem(last=False)

    def _refuse(self, event: EventBase, membership: str, refusal: Refusal) -> None:
        log.warning(
            "The guard refused %s: %s %s of %s in %s, by %s",
            refusal.rule,
            event.type,
            membership or "change",
            event.get("state_key") or "the room",
            event.room_id,
            event.sender,
        )
        raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    def _note(self, tried: Attempt) -> None:
        """Note a refusal for the audit log. What `firm-bridge check` tries is meant to be refused."""
        if not self._gate.checker or tried.who != self._gate.checker:
            self._keeper.note(tried)

    async def _tick(self) -> None:
        await self._api.defer_to_thread(self._keeper.spool.tick)


def _is_in(user_id: str, state: StateMap[EventBase]) -> bool:
    member = state.get((MEMBER, user_id))
    return member is not None and member.content.get("membership") == "join"


def _read_mark(marker: EventBase) -> Mark:
    return Mark(str(marker.content.get("kind", "")), str(marker.content.get("key", "")))


class _Resource(DirectServeJsonResource):  # type: ignore[misc] # Synapse is not in the bridge's environment
    """An address for those who have the key."""

    def __init__(self, keeper: Keeper, note: Callable[[Attempt], None], api: ModuleApi) -> None:
        super().__init__()
        self._keeper = keeper
        self._note = note
        self._api = api

    async def _answer(self, work: Callable[[], dict[str, Any]]) -> tuple[int, dict[str, Any]]:
        try:
            return 200, await self._api.defer_to_thread(work)
        except PushRefused as error:
            log.warning("The guard did not take what it was told: %s", error)
            if error.status in _FORGED:
                self._note(attempt(Deed.TRIED_TO_TELL_GUARD, "", "O1"))
            known = {} if error.version is None else {"version": error.version}
            raise SynapseError(error.status, str(error), error.errcode, known) from error
        except OSError as error:
            log.exception("The guard cannot write its policy")
            raise SynapseError(500, "The guard cannot write its policy.", Codes.UNKNOWN) from error


class PolicyResource(_Resource):
    """The address at which the bridge tells the policy and asks for its version."""

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        return await self._answer(lambda: {"version": self._keeper.accept(body, _signature(request))})

    async def _async_render_GET(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        return await self._answer(lambda: self._keeper.status(_signature(request)))


class FactsResource(_Resource):
    """The address at which a bridge with an older database gets what it has lost."""

    async def _async_render_GET(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        return await self._answer(lambda: dict(self._keeper.facts(_signature(request))))


class RefusalsResource(_Resource):
    """The address at which the bridge takes over what was refused, and says what it has."""

    async def _async_render_POST(self, request: SynapseRequest) -> tuple[int, dict[str, Any]]:  # noqa: N802 - Synapse's
        body = request.content.read(MAX_BYTES + 1)
        return await self._answer(lambda: self._keeper.hand_over(body, _signature(request)))


def _signature(request: SynapseRequest) -> str:
    return str(request.getHeader(SIGNATURE_HEADER) or "")
