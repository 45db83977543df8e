"""The people that tests make up, and what they work on: Archer & Booth, which most tests are about; the small firm,
whose staff type commands; and one person of each kind that the permissions know.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from bridge.firm.conversation import first_matter_conversation_id
from bridge.firm.model import ChannelSeed, Firm, Matter, Staff, Wall

ANN = Staff("a", "Ann", "Archer", "ann@firm.example", "Owner")
BEN = Staff("b", "Ben", "Booth", "ben@firm.example", "Associate")
CLEO = Staff("c", "Cleo", "Crane", "cleo@firm.example", "Paralegal")
DAN = Staff("d", "Dan", "Dell", "dan@firm.example", "IT")
EVE = Staff("e", "Eve", "Elm", "eve@firm.example", "Partner", former=True)
STAFF = (ANN, BEN, CLEO, DAN, EVE)
ESTATE = Matter("m1", "2026-0042", "Estate of Orla Quill", responsible="a", assisting=("b",))
MERGER = Matter("m2", "2026-0055", "Sale of Tidewell Brewing", responsible="a")
WALL = Wall("w1", matter_id="m2", people=("b",))
LITIGATION = ChannelSeed("Litigation", "Disputes", ("a", "b"))
ROOMS = 13
"""Two spaces, four chats with the bot, two channels, the admins' room, and for each matter a space and a
conversation."""

ESTATE_TALK = first_matter_conversation_id("m1")
MERGER_TALK = first_matter_conversation_id("m2")


def make_firm(
    staff: Iterable[Staff] = STAFF,
    matters: Iterable[Matter] = (ESTATE, MERGER),
    walls: Iterable[Wall] = (WALL,),
    channels: Iterable[ChannelSeed] = (LITIGATION,),
) -> Firm:
    """Archer & Booth; what is given replaces all records of its kind."""
    return Firm(
        staff={person.id: person for person in staff},
        matters={matter.id: matter for matter in matters},
        walls={wall.id: wall for wall in walls},
        channels={seed.name: seed for seed in channels},
    )


def _associate(localpart: str, name: str) -> Staff:
    first, last = name.split()
    return Staff(localpart, first, last, f"{localpart}@firm.example", "Associate")


SMALL_FIRM = (
    _associate("ruth", "Ruth Adeyemi"),
    _associate("tom", "Tom Price"),
    _associate("ines", "Inès Moreau"),
    _associate("walt", "Walt Walled"),
)
"""Their ids are the localparts of their users, as are those of the kinds."""

KINDS = (
    _associate("pia", "Pia Participant"),
    _associate("paul", "Paul Participant"),
    _associate("abe", "Abe Access"),
    _associate("nell", "Nell Newcomer"),
    _associate("otto", "Otto Outside"),
    _associate("wes", "Wes Walled"),
    _associate("fay", "Fay Former"),
    Staff("ada", "Ada", "Admin", "ada@firm.example", "IT"),
)


def entry(person: Staff) -> dict[str, Any]:
    """A person as a directory file has them."""
    return {
        "id": person.id,
        "first_name": person.first_name,
        "last_name": person.last_name,
        "email": person.email,
        "role": person.role,
        "former": person.former,
    }
