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
import json
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import quote

from synapse.logging.context import current_context
from synapse.module_api import NOT_SPAM, EventBase, ModuleApi, StateMap
from synapse.module_api.errors import Codes, ConfigError, SynapseError

from bridge.firm.audit import Deed
from bridge.firm.facts import Facts
from bridge.firm.files.carried import MESSAGE, edited_with_file, edits_file
from bridge.firm.room_keys import MARKER, SPACE
from bridge.firm.room_rules import JOIN_RULES
from bridge.guard.creation import request_of
from bridge.guard.farewells import Farewells
from bridge.guard.files import bytes_refusal, size_refusal
from bridge.guard.gate import GATED, MEMBER, REDACTION, TOMBSTONE, Change, Denial, Gate, Mark
from bridge.guard.hooks.answered import Answered, no_room, not_invited
from bridge.guard.hooks.asking import answer_to
from bridge.guard.hooks.former import Former, mark_of
from bridge.guard.hooks.kept_out import Entry, kept_out, membership, unasked
from bridge.guard.hooks.main_process import Workers
from bridge.guard.hooks.pushing import only_ids
from bridge.guard.hooks.resources import (
    FactsResource,
    FarewellResource,
    PolicyResource,
    ProcessesResource,
    RefusalsResource,
)
from bridge.guard.hooks.worker_process import ElsewhereResource, Follower
from bridge.guard.keeper import Keeper, PolicyLostError
from bridge.guard.memberships import without_words
from bridge.guard.processes import Processes
from bridge.guard.protocol import FACTS_PATH, FAREWELL_PATH, PATH, PROCESSES_PATH, REFUSALS_PATH
from bridge.guard.refusals import Attempt, attempt, attempt_of, attempt_to_delete, attempt_to_write
from bridge.guard.requests import (
    NOT_IN_ROOM,
    RequestPath,
    asked_of,
    deleting,
    deletion_refusal,
    entering,
    request_refusal,
)
from bridge.guard.writing import SentEvent, refused, with_mark

log = logging.getLogger(__name__)
_ROOMS_IN_THE_MAKING = 1000
_KEY_LENGTH = 16
_TICK_MS = 5_000
"""Between moments at which repetitions are written, and the disk is made to keep what was."""


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
        # Each process has a list of refusals of its own. A worker takes the policy from the main process (R2).
        worker = api.worker_name
        own = config.path.with_name(f"{config.path.name}.{quote(worker, safe='')}") if worker else config.path
        self._keeper = Keeper(own, config.key)
        self._key = config.key
        self._being_made: OrderedDict[str, Mark] = OrderedDict()
        """Marks of rooms whose first state is not stored yet, by room id."""
        self._api = api
        self._farewells = Farewells(self._keeper, config.key)
        self._following = Follower(self._keeper, config.key, worker, api) if worker else None
        self._former = Former(self._gate, lambda: self._sure, self._today, api)
        api.register_third_party_rules_callbacks(
            check_event_allowed=self.check_event_allowed,
            on_create_room=self.on_create_room,
            check_can_deactivate_user=self.check_can_deactivate_user,
            on_user_deactivation_status_changed=self.on_user_deactivation_status_changed,
            check_can_shutdown_room=self.check_can_shutdown_room,
        )
        api.register_account_validity_callbacks(is_user_expired=self.is_user_expired)
        api.register_add_extra_fields_to_unsigned_client_event_callbacks(
            add_field_to_unsigned_callback=self._former.extra_fields
        )
        api.register_spam_checker_callbacks(
            check_login_for_spam=self.check_login_for_spam,
            check_media_file_for_spam=self.check_media_file_for_spam,
            user_may_join_room=self.user_may_join_room,
        )
        api.register_media_repository_callbacks(
            is_user_allowed_to_upload_media_of_size=self.is_user_allowed_to_upload_media_of_size
        )
        if worker:
            for path in (PATH, FACTS_PATH, REFUSALS_PATH, FAREWELL_PATH):
                api.register_web_resource(path, ElsewhereResource(worker))
        else:
            self._load()
            self._serve(config.path)
        only_ids(api, self._note)
        api.looping_background_call(self._tick, _TICK_MS, desc="firm_bridge_refusals", run_on_all_instances=True)
        # A stop loses nothing that was counted; a kill, how often something was repeated within its window.
        atexit.register(self._keeper.spool.close)

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
        self._wait_for_first()
        mark, facts = self._mark(event, state), self._facts
        # Synapse's own kind of mapping lacks some of what one can.
        content = dict(event.content)
        if event.type not in GATED or not event.is_state():
            return True, await self._judge_written(event, content, mark, state)
        membership = before = ""
        if event.type == MEMBER:
            membership = str(content.get("membership", ""))
            earlier = state.get((MEMBER, event.state_key))
            before = str(earlier.content.get("membership", "")) if earlier is not None else ""
        change = Change(
            event.type,
            event.sender,
            event.state_key,
            membership,
            before,
            content,
            dict(earlier.content) if (earlier := state.get((event.type, event.state_key))) is not None else {},
            await self._spaces(content) if event.type == JOIN_RULES else frozenset(),
            bool(event.room_version.msc4289_creator_power_enabled),
        )
        if (refusal := self._gate.refusal(change, mark, self._sure, self._today())) is not None:
            self._stop(change, refusal, event, mark, state)
        if event.type == MARKER:
            self._remember(event)
        if membership in {"leave", "ban"}:
            self._former.note_leaving(event.state_key, event.room_id, mark)
        if event.type == MEMBER and mark is not None:
            closed = self._gate.refusal_to_write(event.sender, mark, facts)
            bare = without_words(content, read_only=closed is not None)
            if bare is not None and event.sender != self._gate.bot:
                if closed is not None and membership == before == "join":
                    self._note(attempt_to_write(event.sender, mark, event.room_id, closed))
                    self._refuse(event, membership, closed)
                return True, {**event.get_dict(), "content": bare}
        return True, None

    async def _judge_written(
        self, event: EventBase, content: dict[str, Any], mark: Mark | None, state: StateMap[EventBase]
    ) -> dict[str, Any] | None:
        """What is made in the place of an event that decides nothing about who is in the room; None for itself."""
        if event.type == REDACTION:
            self._wait_until_sure()
        replaced = _is_replaced(state, self._gate.bot)
        makes_file = await self._makes_file(event, content)
        written = SentEvent(event.type, event.sender, event.room_id, replaced, content, makes_file)
        tried = refused(written, mark, self._gate, self._facts)
        # Who is not in the room hears Synapse's own words, which tell nothing of it (M3).
        if tried is not None and _is_in(event.sender, state):
            self._note(tried[0])
            self._refuse(event, "", tried[1])
        marked = with_mark(written, mark, self._gate)
        return None if marked is None else {**event.get_dict(), "content": marked}

    async def on_create_room(self, requester: Any, content: dict[str, Any], is_admin: bool) -> None:
        """Let the bot make a room. For anybody else raise what their client is told: the firm's room, or a sentence."""
        asked_by = requester.user.to_string()
        if asked_by == self._gate.bot:
            return
        self._wait_for_first()
        facts = self._sure
        wanted = request_of(asked_by, content, self._gate, facts)
        if isinstance(wanted, Denial):
            self._note(attempt(Deed.TRIED_TO_CREATE, asked_by, wanted.rule, what=wanted.word))
            log.warning("The guard refused %s: a room that %s wanted", wanted.rule, asked_by)
            raise no_room(wanted.sentence)
        assert facts is not None
        raise await answer_to(wanted, facts, self._key, self._api)

    async def check_can_deactivate_user(self, user_id: str, by_admin: bool) -> bool:
        """Whether Synapse may close an account, for its owner or for a server admin."""
        # The bridge asks as the bot; what it said is for nobody else, and it asks for nothing to be hidden.
        told = _requester() == self._gate.bot and self._farewells.is_said(user_id)
        allowed = self._gate.may_be_deactivated(user_id, self._facts, told=told)
        if not allowed:
            owner = "" if by_admin else user_id
            self._note(attempt(Deed.TRIED_TO_DEACTIVATE, owner, "F2", person=user_id))
            asked_by = "a server admin" if by_admin else "its owner"
            log.warning("The guard refused F2: the account %s, closed by %s", user_id, asked_by)
        return allowed

    async def on_user_deactivation_status_changed(self, user_id: str, deactivated: bool, by_admin: bool) -> None:
        """What the bridge said of an account holds until it is closed."""
        self._farewells.done(user_id)

    async def check_can_shutdown_room(self, user_id: str | None, room_id: str) -> bool:
        """Whether Synapse may shut down a room for a server admin."""
        try:
            mark = await self._mark_of(room_id)
        except Exception:
            # Synapse takes an exception for a yes.
            log.exception("The guard cannot see what the room %s is, so it is not shut down", room_id)
            return False
        allowed = self._gate.may_be_shut_down(user_id or "", mark)
        if not allowed:
            on = mark.key if mark is not None else room_id
            self._note(attempt(Deed.TRIED_TO_SHUT_DOWN, user_id or "", "O3", on=on))
            log.warning("The guard refused O3: the firm's room %s, shut down by %s", room_id, user_id)
        return allowed

    async def is_user_expired(self, user_id: str) -> bool | None:
        """Whether requests with this account's tokens are refused; None where Synapse decides.

        Raises SynapseError for a single request that is not answered.
        """
        # Once it is known who makes a request, Synapse asks for its own sake, when it looks whom it should notify.
        request = getattr(current_context(), "request", None)
        if request is not None and request.requester is not None:
            request = None
        if request is not None:
            self._wait_for_first()
        if user_id == self._gate.bot:
            # The bridge has no session as the bot. Whoever has one is somebody else.
            if request is not None:
                self._note(attempt(Deed.TRIED_TO_ACT_AS_BOT, user_id, "O3"))
            return True
        if not self._is_cut_off(user_id):
            asked = None if request is None else asked_of(request.method, request.url)
            if asked is not None and (wanted := entering(asked, user_id)) is not None:
                await self._note_entry(user_id, unasked(user_id, wanted, self._former, self._gate.bot, self._api))
            await self._former.judge(user_id)
            if asked is not None:
                await self._judge_request(user_id, asked)
                await self._judge_deleting(user_id, asked)
            return None
        if request is not None:
            self._note(attempt(Deed.TRIED_OLD_SESSION, user_id, "F2"))
        return True

    async def _judge_request(self, user_id: str, asked: RequestPath) -> None:
        """Raise SynapseError with the sentence for whoever asks where a request is refused by what it asks for."""
        found = request_refusal(asked, self._gate.bot)
        room_id = asked.room_marked_as_read
        if found is None and room_id and await membership(user_id, room_id, self._api) != "join":
            found = Deed.TRIED_TO_MARK_READ, NOT_IN_ROOM
        if found is not None:
            deed, refusal = found
            self._note(attempt(deed, user_id, refusal.rule))
            log.warning("The guard refused %s: a request of %s", refusal.rule, user_id)
            raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    async def _judge_deleting(self, user_id: str, asked: RequestPath) -> None:
        """Raise SynapseError with the sentence for a server admin who deletes what is under legal hold."""
        wanted = deleting(asked)
        # Others hear Synapse's own words: what is held is not for them to learn (M3).
        if wanted is None or not await self._api.is_user_admin(user_id):
            return
        self._wait_until_sure()
        try:
            mark = await self._mark_of(wanted.room) if wanted.room else None
        except Exception as error:
            log.exception("The guard cannot see what the room %s is, so nothing of it is deleted", wanted.room)
            raise SynapseError(503, "The firm's rules cannot be looked up at the moment. Try again.") from error
        refusal = deletion_refusal(wanted, mark, self._facts)
        if refusal is not None:
            if wanted.room:
                self._note(attempt_to_delete(user_id, mark, wanted.room, refusal))
            else:
                self._note(attempt(Deed.TRIED_TO_DELETE_FILES, user_id, refusal.rule))
            log.warning("The guard refused %s: deleting from the server, by %s", refusal.rule, user_id)
            raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    async def check_login_for_spam(self, user_id: str, *_: Any) -> Any:
        """Whether somebody may log in."""
        self._wait_for_first()
        if user_id != self._gate.bot and not self._is_cut_off(user_id):
            return NOT_SPAM
        as_bot = user_id == self._gate.bot
        deed = Deed.TRIED_TO_ACT_AS_BOT if as_bot else Deed.TRIED_TO_LOG_IN
        tried = attempt(deed, user_id, "O3" if as_bot else "F2")
        self._note(tried)
        log.warning("The guard refused %s: a login of %s", tried.rule, user_id)
        return Codes.FORBIDDEN

    async def user_may_join_room(self, user_id: str, room_id: str, is_invited: bool) -> Any:
        """Let Synapse decide, and note where it refuses by the room's rule without asking about the event (O1)."""
        if not is_invited and user_id != self._gate.bot:
            await self._note_entry(user_id, kept_out(user_id, room_id, self._gate.bot, self._api))
        return NOT_SPAM

    async def _note_entry(self, user_id: str, looking: Awaitable[Entry | None]) -> None:
        """Note a way into a room that is refused without Synapse asking about the event, if the policy refuses it."""
        try:
            entry = await looking
        except SynapseError:
            # There is no such room, as Synapse says itself.
            return
        except Exception:
            # What cannot be noted is no reason to keep anybody out.
            log.exception("The guard cannot see whether %s is kept out of a room", user_id)
            return
        if entry is None:
            return
        refusal = self._gate.refusal(entry.change, entry.mark, self._sure, self._today())
        if refusal is not None:
            self._note(attempt_of(entry.change, entry.mark, entry.room_id, refusal))
            how = entry.change.membership
            log.warning("Refused by %s: %s of %s in %s", refusal.rule, how, user_id, entry.room_id)

    def _is_cut_off(self, user_id: str) -> bool:
        return self._gate.is_cut_off(user_id, self._facts)

    async def is_user_allowed_to_upload_media_of_size(self, user_id: str, size: int) -> bool:
        """Whether somebody may upload so many bytes; raises SynapseError with the sentence for them where not (V4)."""
        self._wait_for_first()
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
            sender = _requester()
            refusal = await self._api.defer_to_thread(bytes_refusal, file.path, self._facts)
            if refusal is not None:
                self._note(attempt(Deed.TRIED_TO_SEND_FILE, sender, refusal.rule))
                log.warning("The guard refused %s: an upload, by %s", refusal.rule, sender or "somebody")
                raise SynapseError(403, refusal.sentence, Codes.FORBIDDEN)
        return NOT_SPAM

    @property
    def _facts(self) -> Facts | None:
        policy = self._keeper.policy
        return policy.facts if policy else None

    @property
    def _sure(self) -> Facts | None:
        """The same for letting somebody in or showing them something: only where nothing newer can be in force."""
        return self._facts if self._following is None else self._following.sure(self._facts)

    def _wait_for_first(self) -> None:
        """Raise SynapseError in a worker that has not been told anything yet."""
        if self._following is not None:
            self._following.wait_for_first()

    def _wait_until_sure(self) -> None:
        """Raise SynapseError in a worker that cannot be sure what is in force, such as what is under legal hold."""
        if self._following is not None:
            self._following.wait_until_sure()

    def _today(self) -> date:
        """The firm's day; the earliest there is where that is not known."""
        policy = self._keeper.policy
        return policy.today() if policy else date.min

    def _mark(self, event: EventBase, state: StateMap[EventBase]) -> Mark | None:
        """What the room is. While it is made, its first state is not stored, and the marker comes before the people."""
        marker = state.get((MARKER, ""))
        if marker is None:
            return self._being_made.get(event.room_id)
        return mark_of(marker.content) if marker.sender == self._gate.bot else None

    async def _mark_of(self, room_id: str) -> Mark | None:
        """What a room that is made is; None where the bot did not mark it."""
        marker = (await self._api.get_room_state(room_id, [(MARKER, "")])).get((MARKER, ""))
        return mark_of(marker.content) if marker is not None and marker.sender == self._gate.bot else None

    async def _spaces(self, rule: Mapping[str, Any]) -> frozenset[str]:
        """The keys of the firm's spaces that a join rule names; an empty one for anything else that it names."""
        named = rule.get("allow", ())
        rooms = [one.get("room_id") if isinstance(one, Mapping) else None for one in named] if named else []
        marks = [await self._mark_of(room_id) if isinstance(room_id, str) else None for room_id in rooms]
        return frozenset(mark.key if mark is not None and mark.kind == SPACE else "" for mark in marks)

    async def _makes_file(self, event: EventBase, content: Mapping[str, Any]) -> bool:
        edited = edited_with_file(content) if event.type == MESSAGE else None
        if edited is None:
            return False
        found = await self._api.run_db_interaction("firm_bridge_edited", _read_event, edited)
        return not edits_file(event.sender, event.room_id, found)

    def _remember(self, event: EventBase) -> None:
        self._being_made[event.room_id] = mark_of(event.content)
        while len(self._being_made) > _ROOMS_IN_THE_MAKING:
            self._being_made.popitem(last=False)

    def _stop(
        self, change: Change, refusal: Denial, event: EventBase, mark: Mark | None, state: StateMap[EventBase]
    ) -> None:
        """Raise SynapseError: an answer for what is so already, and for anything else why it is not done."""
        is_in = event.sender != self._gate.bot and _is_in(event.sender, state)
        if is_in and self._gate.is_listed(change):
            listed = state[event.type, event.state_key].event_id
            raise Answered({"event_id": listed}, "The firm's bot has listed the room in this space")
        self._note(attempt_of(change, mark, event.room_id, refusal))
        self._refuse(event, change.membership, refusal, shown=is_in and change.membership == "invite")

    def _refuse(self, event: EventBase, membership: str, refusal: Denial, *, shown: bool = False) -> None:
        """Raise SynapseError. `shown` is for an invitation by somebody whose client has a button for it."""
        log.warning(
            "The guard refused %s: %s %s of %s in %s, by %s",
            refusal.rule,
            event.type,
            membership or "change",
            event.get("state_key") or "the room",
            event.room_id,
            event.sender,
        )
        raise not_invited(refusal.sentence) if shown else SynapseError(403, refusal.sentence, Codes.FORBIDDEN)

    def _note(self, tried: Attempt) -> None:
        """Note a refusal for the audit log. What `firm-bridge check` tries is meant to be refused."""
        if not self._gate.checker or tried.who != self._gate.checker:
            self._keeper.note(tried)

    async def _tick(self) -> None:
        await self._api.defer_to_thread(self._keeper.spool.tick)


def _read_event(txn: Any, event_id: str) -> Mapping[str, Any] | None:
    txn.execute("SELECT json FROM event_json WHERE event_id = ?", (event_id,))
    row = txn.fetchone()
    return None if row is None else json.loads(row[0])


def _requester() -> str:
    """As whom the request that is under way was sent; empty where there is none."""
    request = getattr(current_context(), "request", None)
    return str(request.requester or "") if request is not None else ""


def _is_replaced(state: StateMap[EventBase], bot: str) -> bool:
    tombstone = state.get((TOMBSTONE, ""))
    return tombstone is not None and tombstone.sender == bot and bool(tombstone.content.get("replacement_room"))


def _is_in(user_id: str, state: StateMap[EventBase]) -> bool:
    member = state.get((MEMBER, user_id))
    return member is not None and member.content.get("membership") == "join"
