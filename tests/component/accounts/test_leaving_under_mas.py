"""Who leaves a firm whose accounts MAS keeps is cut off, also while MAS is down (F2)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, DAN, EVE, make_firm
from tests.component.firm_on_fake import FirmOnFake, firm_on_fake
from tests.fakes.faults import Answer, Broken
from tests.fakes.guard import FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.mas.service import FakeMas

WITHOUT_BEN = make_firm(staff=(ANN, replace(BEN, former=True), CLEO, DAN, EVE))
NOT_INTROSPECTED = Answer(503, b'{"errcode": "M_UNKNOWN", "error": "Unable to introspect the access token"}')


@dataclass(frozen=True)
class Firm:
    """The firm, MAS, and the token of Ben's session."""

    on: FirmOnFake
    mas: FakeMas
    token: str

    @property
    def rooms(self) -> list[str]:
        """Those that Ben is in."""
        return self.on.fake.joined_rooms(self.on.user(BEN))

    @property
    def is_shut_out(self) -> bool:
        """Whether MAS lets Ben in no more."""
        ben = self.mas.records.user("ben")
        return ben.locked and ben.deactivated and self.mas.records.whose(self.token) is None


@pytest.fixture
async def firm(store: Store, tmp_path: Path) -> AsyncIterator[Firm]:
    """A firm with the guard, whose Ben is signed in."""
    async with FakeHomeserver() as fake, FakeMas(homeserver=fake.url) as mas:
        fake.mas, fake.block_invites = mas.records, False
        fake.guard = FakeGuard(tmp_path / "firm-policy", fake.bot_id)
        async with firm_on_fake(fake, store, mas=mas.settings(tmp_path), deadline=1.0) as on:
            await mas.upsert_device("ben", "PHONE")
            yield Firm(on, mas, mas.records.sign_in("ben", device="PHONE"))
        assert mas.wrong == []


async def test_F2_who_leaves_is_shut_out_and_comes_back(firm: Firm) -> None:
    assert firm.rooms
    firm.on.firm = WITHOUT_BEN
    await firm.on.sync()
    assert firm.is_shut_out and firm.rooms == []
    assert firm.on.fake.accounts[firm.on.user(BEN)].deactivated
    await firm.on.settled()
    firm.on.firm = make_firm()
    await firm.on.sync()
    ben = firm.mas.records.user("ben")
    assert not ben.locked and not ben.deactivated and firm.rooms
    assert firm.mas.records.whose(firm.token) is None


async def test_F2_who_leaves_while_mas_is_down_is_out_at_once_and_shut_out_when_it_is_back(firm: Firm) -> None:
    firm.mas.down, firm.on.firm = True, WITHOUT_BEN
    firm.on.fake.broken = [Broken("/_synapse/admin/", NOT_INTROSPECTED)]
    outcome = await firm.on.reconciler.passes.sync()
    assert outcome.failed
    assert firm.rooms == []
    assert firm.on.fake.accounts[firm.on.user(BEN)].devices == set()
    assert not firm.is_shut_out
    assert "Matrix Authentication Service" in firm.on.client.accounts_trouble
    firm.mas.down, firm.on.fake.broken = False, []
    await firm.on.sync()
    assert firm.is_shut_out
