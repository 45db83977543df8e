"""Who may do what. Pure functions from firm facts to decisions, each with the rule that decided and its reason."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterStatus, Staff, WallKind
from bridge.firm.room_keys import STAFF_SPACE, matter_of_space
from bridge.firm.rules import CitedRule
from bridge.firm.text.directions import apart


@dataclass(frozen=True, slots=True)
class Decision:
    """Allowed or not, the rule (bridge/firm/rules.py) that decided, and the reason as a sentence for an admin.

    The reason may name walls and matters: show it to the person concerned only where the rules allow it.
    """

    allowed: bool
    rule: CitedRule
    reason: str

    def __bool__(self) -> bool:
        return self.allowed


def may_act(firm: Firm, staff_id: str) -> Decision:
    """Whether anything may be done as or for this person at all (F1, F2)."""
    if firm.is_system(staff_id):
        return Decision(True, "A1", f"{staff_id} is a system that acts as itself.")
    person = firm.staff.get(staff_id)
    if person is None:
        return Decision(False, "F1", f"{staff_id} is not in the firm's directory.")
    if person.former:
        return Decision(False, "F2", f"{apart(person.name)} has left the firm.")
    if not person.enabled:
        return Decision(False, "F2", f"{apart(person.name)} is disabled in the directory.")
    return Decision(True, "F1", f"{apart(person.name)} is active staff.")


def may_administer(firm: Firm, staff_id: str, admin_roles: frozenset[str]) -> Decision:
    """Whether this person may run admin commands. Roles are compared without regard to case."""
    if not (acting := may_act(firm, staff_id)):
        return acting
    if firm.is_system(staff_id):
        return Decision(False, "A1", "A system that acts as itself is no firm admin.")
    role = firm.staff[staff_id].role
    if role.casefold() in {name.casefold() for name in admin_roles}:
        return Decision(True, "F1", f"The role {role} is a firm admin's.")
    return Decision(False, "F1", f"The role {role or '(none)'} is not one of the firm admins' roles.")


def administrators(firm: Firm, admin_roles: frozenset[str]) -> frozenset[str]:
    """Staff ids of everyone whom `may_administer` allows, found together and not one by one."""
    with_role = firm.found_in_staff(_with_role)
    return frozenset().union(*(with_role.get(name.casefold(), ()) for name in admin_roles)) & firm.active_staff


def _with_role(staff: Mapping[str, Staff]) -> Mapping[str, set[str]]:
    """Staff ids by role, case folded."""
    found: dict[str, set[str]] = {}
    for person in staff.values():
        found.setdefault(person.role.casefold(), set()).add(person.id)
    return found


def may_access(firm: Firm, staff_id: str, matter: Matter, today: date) -> Decision:
    """Whether this person may know the matter at all: a wall beats a role, a role beats a restriction (M3)."""
    if not (acting := may_act(firm, staff_id)):
        return acting
    if matter.status is MatterStatus.DELETED:
        return Decision(False, "M3", f"Matter {matter.number} is deleted.")
    if firm.is_system(staff_id):
        return _open_to_systems(firm, matter, today)
    for wall in firm.walls_around(matter):
        if not wall.in_force(today):
            continue
        if firm.names(wall.people, staff_id) is (wall.kind is WallKind.EXCLUDE):
            around = f"matter {matter.number}" if wall.matter_id else f"the client {apart(wall.client)}"
            return Decision(False, "M3", f"A wall around {around} screens this person ({wall.id}).")
    if matter.is_on_team(staff_id):
        return Decision(True, "M1", f"This person has a role on matter {matter.number}.")
    if not matter.restricted:
        return Decision(True, "M1", f"Matter {matter.number} is open to all active staff.")
    if firm.names(matter.allowed, staff_id):
        return Decision(True, "M1", f"This person is on the access list of matter {matter.number}.")
    return Decision(False, "M3", f"Matter {matter.number} is restricted and this person is not on its list.")


def _open_to_systems(firm: Firm, matter: Matter, today: date) -> Decision:
    """Whether systems that act as themselves may know the matter. Nobody can tell here who uses them (A1, M3)."""
    if matter.restricted or any(wall.in_force(today) for wall in firm.walls_around(matter)):
        return Decision(False, "M3", f"Matter {matter.number} is restricted, or a wall stands around it.")
    return Decision(True, "A1", f"Matter {matter.number} is open to all, and no wall stands around it.")


def accessible(firm: Firm, staff_id: str, matters: Iterable[Matter], today: date) -> list[Matter]:
    """Those of these matters that `may_access` allows this person, in their order.

    The walls are asked, and not each matter for those around it, since most are open to the whole firm.
    """
    if not may_act(firm, staff_id):
        return []
    if firm.is_system(staff_id):
        return [matter for matter in matters if may_access(firm, staff_id, matter, today)]
    screening = (
        wall
        for wall in firm.walls.values()
        if wall.in_force(today) and firm.names(wall.people, staff_id) is (wall.kind is WallKind.EXCLUDE)
    )
    behind = {matter.id for wall in screening for matter in firm.walled_by(wall)}
    deleted, names = MatterStatus.DELETED, firm.names
    return [
        matter
        for matter in matters
        if matter.status is not deleted
        and matter.id not in behind
        and (not matter.restricted or matter.is_on_team(staff_id) or names(matter.allowed, staff_id))
    ]


def with_access(firm: Firm, matter: Matter, today: date) -> frozenset[str]:
    """Staff ids of everyone whom `may_access` allows the matter, found together and not one by one.

    Where nothing keeps anybody out it is `firm.active_staff` itself.
    """
    if matter.status is MatterStatus.DELETED:
        return frozenset()
    found = firm.active_staff
    if matter.restricted:
        found = found & firm.people((*matter.team, *matter.allowed))
    for wall in firm.walls_around(matter):
        if wall.in_force(today):
            named = firm.people(wall.people)
            found = found - named if wall.kind is WallKind.EXCLUDE else found & named
    return found


def may_be_in(firm: Firm, staff_id: str, conversation: Conversation, today: date) -> Decision:
    """Whether this person may be in this conversation at all, whoever adds them (F1, D2, M3)."""
    if not (acting := may_act(firm, staff_id)):
        return acting
    if conversation.kind is ConversationKind.MATTER:
        return _may_access_by_id(firm, staff_id, conversation.matter_id, today)
    if conversation.kind is ConversationKind.ADMINS and staff_id not in conversation.participants:
        return Decision(False, "O3", "Only firm admins are in their room.")
    if conversation.kind is ConversationKind.DIRECT and staff_id in conversation.opened_for:
        return acting
    if conversation.kind is not ConversationKind.CHANNEL and staff_id not in conversation.participants:
        return Decision(False, "D2", "Nobody is added to a direct conversation; a new one is made.")
    return acting


def may_be_in_space(firm: Firm, staff_id: str, key: str, today: date) -> Decision:
    """Whether this person may be in the space of this key: the staff space or a matter's (F4, M3)."""
    if not (acting := may_act(firm, staff_id)):
        return acting
    if key == STAFF_SPACE:
        return acting
    if (matter_id := matter_of_space(key)) is None:
        return Decision(False, "F4", "Only the bot is in this space.")
    return _may_access_by_id(firm, staff_id, matter_id, today)


def _may_access_by_id(firm: Firm, staff_id: str, matter_id: str, today: date) -> Decision:
    matter = firm.matters.get(matter_id)
    if matter is None:
        return Decision(False, "M3", "The conversation's matter is not in the directory.")
    return may_access(firm, staff_id, matter, today)


def desired_participants(firm: Firm, conversation: Conversation, today: date) -> frozenset[str]:
    """Staff ids of those who should be in the conversation now: who was picked, less whom the policy keeps out."""
    picked = firm.active_staff if conversation.everyone else conversation.participants
    matter = firm.matters.get(conversation.matter_id)
    if conversation.kind is ConversationKind.MATTER and (
        matter is None or matter.restricted or matter.status is MatterStatus.DELETED or firm.walls_around(matter)
    ):
        return frozenset(staff_id for staff_id in picked if may_be_in(firm, staff_id, conversation, today))
    # Nothing else keeps anybody out who was picked and works here.
    return picked & firm.active_staff


def is_read_only(firm: Firm, conversation: Conversation) -> bool:
    """Whether nobody may write in it: an archived channel, a matter that is no longer open (C1, M4)."""
    if conversation.kind is not ConversationKind.MATTER:
        return conversation.archived
    matter = firm.matters.get(conversation.matter_id)
    return conversation.archived or matter is None or matter.status in {MatterStatus.CLOSED, MatterStatus.DELETED}


def is_held(firm: Firm, conversation: Conversation) -> bool:
    """Whether nothing in it may be deleted, because its matter is under legal hold."""
    matter = firm.matters.get(conversation.matter_id) if conversation.matter_id else None
    return matter is not None and matter.held
