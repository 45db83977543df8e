"""What one room needs, by its shape, what is stored and what was observed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from bridge.firm.model import Firm
from bridge.firm.policy import may_be_in, may_be_in_space
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, conversation_of
from bridge.mapping.rooms.shapes import RoomShape
from bridge.reconcile.planning.anew import kept_out
from bridge.reconcile.planning.desired import Desired
from bridge.reconcile.planning.drift import differences, lost, welcome
from bridge.reconcile.planning.moves import heed_moves
from bridge.reconcile.planning.observed import Observed, Server
from bridge.reconcile.planning.plan import plan_children, plan_room
from bridge.reconcile.planning.steps import Action, Difference, Json, RoomPlan, Step


class Part(StrEnum):
    """Which part of a room is meant. The staff space is made before its channels, and lists new ones after them."""

    ROOM = "room"
    LIST = "list"
    WHOLE = "whole"


@dataclass(frozen=True)
class Planning:
    """What every room's plan needs to know."""

    wanted: Desired
    server: Server
    today: date
    room_ids: dict[str, str]
    """Room ids by key; grows as rooms are made, and loses those that are found gone."""
    direct: Mapping[str, Json] | None = None
    """m.direct by user id, where it was read."""

    def room(self, shape: RoomShape, observed: Observed | None, part: Part = Part.WHOLE) -> RoomPlan:
        """What the room needs. A room that is to be made gets its list with that."""
        wanted, gone = self.wanted, observed is None and shape.key in self.wanted.world.rooms
        shape = heed_moves(shape, observed, wanted, self.today)
        welcomed, out = welcome(shape, observed, wanted, self.today), kept_out(shape, observed, wanted, self.today)
        shape = replace(shape, welcome=welcomed, kept_out=out)
        steps: tuple[Step, ...] = ()
        if part is not Part.LIST:
            steps += plan_room(shape, observed, self.server, self.room_ids, self.direct)
        if part is Part.LIST or (part is Part.WHOLE and (observed is not None or shape.key == STAFF_SPACE)):
            steps += plan_children(shape, observed, self.room_ids, self._labels(shape.children))
        if gone:
            return RoomPlan(shape, steps, (lost(shape.key, wanted.world.rooms[shape.key]),))
        return RoomPlan(shape, steps, self._drift(shape, observed, steps))

    def list(self, shape: RoomShape, observed: Observed) -> RoomPlan:
        """Only what the list of this space needs, which has nothing but the rooms that the shape names."""
        steps = plan_children(shape, observed, self.room_ids, self._labels(shape.children))
        return RoomPlan(shape, steps, self._drift(shape, observed, steps))

    def removals(self, shape: RoomShape, observed: Observed | None, firm: Firm) -> RoomPlan:
        """Only the removal of known people who may not be in the room by this firm, whatever else it needs (M3)."""
        if observed is None:
            return RoomPlan(shape, ())
        out = kept_out(shape, observed, replace(self.wanted, firm=firm), self.today)
        steps = plan_room(replace(shape, kept_out=out), observed, self.server, self.room_ids, self.direct)
        # It is closed before anybody is put out: what comes later would be shown to them with what they saw.
        taking = tuple(
            step
            for step in steps
            if step.action in {Action.BOT_KEEP, Action.CLOSE_ROOM}
            or (step.only_takes and self._must_go(step.who, shape.key, firm))
        )
        return RoomPlan(shape, taking, self._drift(shape, observed, taking))

    def _must_go(self, user_id: str, key: str, firm: Firm) -> bool:
        staff_id, conversation = (
            self.wanted.owners.get(user_id),
            self.wanted.world.conversations.get(conversation_of(key)),
        )
        if staff_id is None:
            return False
        if conversation is None:
            return not may_be_in_space(firm, staff_id, key, self.today)
        return not may_be_in(firm, staff_id, conversation, self.today)

    def _drift(self, shape: RoomShape, observed: Observed | None, steps: Iterable[Step]) -> tuple[Difference, ...]:
        if observed is None:
            return ()
        return tuple(differences(shape, observed, steps, self.wanted, self.server.bot_id))

    def _labels(self, keys: Iterable[str]) -> dict[str, str]:
        return {key: self.wanted.shapes[key].label for key in keys if key in self.wanted.shapes}


def waves(shapes: Mapping[str, RoomShape], made: Collection[str]) -> list[list[tuple[str, Part]]]:
    """These rooms in waves, within which they do not depend on each other. `made` are the keys of those that are there.

    Rooms wait for the spaces that they name in their join rule; spaces wait for the rooms they list, and rooms that
    were left for those in which their conversations go on.
    """
    named = {shape.open_to for shape in shapes.values()}
    found: list[list[tuple[str, Part]]] = [[], [], [], []]
    for key, shape in shapes.items():
        if key == KEEPER_SPACE:
            found[0].append((key, Part.WHOLE))
        elif key == STAFF_SPACE:
            new = not {key, *shape.children} <= set(made)
            found[1].append((key, Part.ROOM if new else Part.WHOLE))
            if new:
                found[3].append((key, Part.LIST))
        else:
            if shape.is_space and key in named and key not in made:
                found[1].append((key, Part.ROOM))
            found[3 if shape.is_space or shape.earlier_of else 2].append((key, Part.WHOLE))
    return found
