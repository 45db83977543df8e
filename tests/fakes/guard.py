"""The guard in the fake homeserver: its own decisions and its own keeping, without Synapse around them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from bridge.firm.audit import Deed
from bridge.firm.files.carried import MESSAGE, edited_with_file, edits_file
from bridge.firm.room_keys import MARKER, SPACE
from bridge.guard.farewells import Farewells
from bridge.guard.gate import GATED, MEMBER, TOMBSTONE, Change, Gate, Mark
from bridge.guard.keeper import Keeper, PushRefusedError
from bridge.guard.memberships import without_words
from bridge.guard.processes import Processes, processes_behind
from bridge.guard.protocol import PROCESSES_BEHIND, sign_page
from bridge.guard.refusals import attempt, attempt_of
from bridge.guard.writing import SentEvent, refused, with_mark
from tests.fakes.room import CREATOR_POWER, Denied, Room

GUARD_KEY = "guard-key-of-the-tests-0001"


class FakeGuard:
    """Give one to `FakeHomeserver.guard`, and it judges every event."""

    def __init__(self, file: Path, bot_id: str, key: str = GUARD_KEY) -> None:
        self.gate = Gate(bot_id)
        self.keeper = Keeper(file, key)
        self.farewells = Farewells(self.keeper, key)
        self.seconds = 0.0
        """On the clock by which leases of workers end."""
        self.processes = Processes(file.with_name(file.name + ".processes"), lambda: self.seconds)
        self.workers: list[FakeWorker] = []
        self._file, self._key = file, key

    def file_of(self, worker: str) -> Path:
        """Beside which a worker keeps what it refused."""
        return self._file.with_name(f"{self._file.name}.{worker}")

    def add_worker(self, name: str) -> FakeWorker:
        """Let a worker of Synapse come."""
        keeper = Keeper(self.file_of(name), self._key)
        worker = FakeWorker(name, f"{name} {len(self.workers)}", keeper, self._key)
        self.workers.append(worker)
        worker.ask(self)
        return worker

    def check(
        self,
        room: Room,
        sender: str,
        event_type: str,
        state_key: str | None,
        content: dict[str, Any],
        rooms: Mapping[str, Room],
    ) -> dict[str, Any]:
        """The content that the event may have. Raises Denied where the guard refuses it."""
        mark = _mark(room)
        policy = self.keeper.policy
        facts, today = (policy.facts, policy.today()) if policy else (None, date.min)
        if event_type not in GATED or state_key is None:
            replaced = bool(room.state.get((TOMBSTONE, ""), {}).get("replacement_room"))
            edited = edited_with_file(content) if event_type == MESSAGE else None
            parent = next((one for one in room.timeline if one["event_id"] == edited), None)
            makes_file = edited is not None and not edits_file(sender, room.room_id, parent)
            written = SentEvent(event_type, sender, room.room_id, replaced, content, makes_file)
            found = refused(written, mark, self.gate, facts) if room.members.get(sender) == "join" else None
        else:
            before = room.members.get(state_key, "") if event_type == "m.room.member" else ""
            named = [rooms.get(one.get("room_id", "")) for one in content.get("allow", ())]
            change = Change(
                event_type,
                sender,
                state_key,
                content.get("membership", ""),
                before,
                content,
                room.state.get((event_type, state_key), {}),
                frozenset(_space(one) for one in named),
                room.version in CREATOR_POWER,
            )
            refusal = self.gate.refusal(change, mark, facts, today)
            found = (attempt_of(change, mark, room.room_id, refusal), refusal) if refusal else None
        if found is not None:
            self.keeper.note(found[0])
            raise Denied(403, "M_FORBIDDEN", found[1].sentence)
        if state_key is None:
            return with_mark(SentEvent(event_type, sender, room.room_id, False, content), mark, self.gate) or content
        if event_type == MEMBER and mark is not None and sender != self.gate.bot:
            closed = self.gate.refusal_to_write(sender, mark, facts)
            return without_words(content, read_only=closed is not None) or content
        return content

    def close(self, user_id: str, by: str) -> None:
        """Let an account be closed. Raises Denied."""
        policy = self.keeper.policy
        told = by == self.gate.bot and self.farewells.is_said(user_id)
        if not self.gate.may_be_deactivated(user_id, policy.facts if policy else None, told=told):
            self.keeper.note(attempt(Deed.TRIED_TO_DEACTIVATE, "", "F2", person=user_id))
            raise Denied(403, "M_FORBIDDEN", "Deactivation of this user is forbidden")
        self.farewells.done(user_id)

    def farewell(self, body: bytes, signature: str) -> dict[str, Any]:
        """The answer to a bridge that says whose account it closes. Raises Denied."""
        try:
            return dict(self.farewells.take(body, signature))
        except PushRefusedError as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def push(self, body: bytes, signature: str) -> dict[str, Any]:
        """The answer to a push. Raises Denied."""
        try:
            version = self.keeper.accept(body, signature)
        except PushRefusedError as error:
            raise Denied(error.status, error.errcode, str(error)) from error
        for worker in self.workers:
            worker.ask(self)
        if behind := self.processes.behind(version):
            raise Denied(409, PROCESSES_BEHIND, processes_behind(behind))
        return {"version": version}

    def status(self, signature: str) -> dict[str, Any]:
        """The answer to the question how things stand. Raises Denied."""
        try:
            return {**self.keeper.status(signature), "processes": self.processes.standings(())}
        except PushRefusedError as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def facts(self, signature: str) -> dict[str, Any]:
        """All that it knows. Raises Denied."""
        try:
            return dict(self.keeper.facts(signature))
        except PushRefusedError as error:
            raise Denied(error.status, error.errcode, str(error)) from error

    def hand_over(self, body: bytes, signature: str) -> dict[str, Any]:
        """The answer to a bridge that asks for refusals. Raises Denied."""
        try:
            handed = dict(self.keeper.hand_over(body, signature))
            taken = json.loads(body).get("others", {})
            return {**handed, "others": [worker.page(taken) for worker in self.workers if not worker.held]}
        except PushRefusedError as error:
            raise Denied(error.status, error.errcode, str(error)) from error


@dataclass
class FakeWorker:
    """The guard in a worker of Synapse."""

    name: str
    run: str
    keeper: Keeper
    key: str
    held: bool = False
    """Whether it does nothing, as a process that was stopped."""

    def ask(self, main: FakeGuard) -> None:
        """Take what it does not know, and say that it has it."""
        if self.held:
            return
        policy = self.keeper.policy
        self.keeper.follow(*main.keeper.pushes_after(policy.version if policy else 0))
        policy = self.keeper.policy
        main.processes.asked(self.run, self.name, policy.version if policy else 0)

    def page(self, taken: Mapping[str, int]) -> dict[str, str]:
        """What waits for the audit log."""
        spool = self.keeper.spool
        text = json.dumps({**spool.page(spool.id, taken.get(spool.id, 0)), "process": self.name})
        return {"page": text, "signature": sign_page(self.key, text)}


def _mark(room: Room) -> Mark | None:
    marker = room.state.get((MARKER, ""))
    return Mark(marker["kind"], marker["key"]) if marker else None


def _space(room: Room | None) -> str:
    mark = _mark(room) if room is not None else None
    return mark.key if mark is not None and mark.kind == SPACE else ""
