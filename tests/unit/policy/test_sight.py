"""What an admin may hear of is what the policy lets them see, whatever a text says besides (M3, D4)."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.firm.conversation import Conversation, ConversationKind
from bridge.firm.model import Firm, Matter, MatterRole, MatterStatus, Staff, Wall
from bridge.firm.sight import Sight

TODAY = date(2026, 11, 23)
CLIENT = (MatterRole("Client", "Oakhurst & Sons", is_client=True),)
FIRM = Firm(
    {name: Staff(name, name, "Finch", f"{name}@firm.example") for name in ("dan", "eve")},
    {
        "m1": Matter("m1", "2026-0042", "Estate"),
        "m2": Matter("m2", "2031-0017", "Sale of the mill", roles=CLIENT),
        "m3": Matter("m3", "2031-0018", "—", status=MatterStatus.DELETED, roles=CLIENT),
        "m4": Matter("m4", "2026-0043", "Lease", status=MatterStatus.DELETED),
    },
    walls={
        "w1": Wall("w1", client="oakhurst & sons", people=("dan",)),
        "w2": Wall("w2", matter_id="m1", people=("eve",)),
    },
)
DAN = Sight(FIRM, "dan", TODAY)


@given(st.sampled_from(["2031-0017", "SALE OF THE MILL", "Oakhurst & Sons", "2031-0018", "—"]), st.text(), st.text())
def test_M3_a_text_with_the_name_of_a_hidden_matter_is_told_from_others(name: str, before: str, behind: str) -> None:
    assert DAN.names_hidden(f"{before} {name} {behind}")


@pytest.mark.parametrize("text", ["", "F1", "2026-0042 Estate", "2026-0043 Lease", "2031", "wholesale of the millers"])
def test_other_texts_may_be_read(text: str) -> None:
    assert not DAN.names_hidden(text)


def test_M3_a_wall_is_named_to_those_who_may_hear_of_all_that_it_is_around() -> None:
    assert not DAN.wall(FIRM.walls["w1"])
    assert DAN.wall(FIRM.walls["w2"])
    assert Sight(FIRM, "eve", TODAY).wall(FIRM.walls["w1"])
    assert set(DAN.hidden) == {"m2", "m3"}


def test_D4_a_direct_conversation_may_be_named_to_those_whose_it_is() -> None:
    direct = Conversation("d", ConversationKind.DIRECT, participants=frozenset({"eve"}))
    assert not DAN.conversation(direct)
    assert Sight(FIRM, "eve", TODAY).conversation(direct)
    assert DAN.conversation(Conversation("c", ConversationKind.CHANNEL))
    gone = Conversation("g", ConversationKind.MATTER, matter_id="gone", participants=frozenset({"dan"}))
    assert not DAN.conversation(gone)
