"""The guard of one release beside the bridge of another, each older or newer, and back to one release."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from bridge import __version__
from bridge.guard.keeper import Keeper, PolicyLostError, PushRefusedError
from bridge.guard.protocol import FORM, OTHER_RELEASE, sign_push
from bridge.matrix.errors import GuardAwayError
from bridge.store.engine.store import Store
from tests.cast import ANN, BEN, CLEO, ESTATE_TALK, WALL, make_firm
from tests.component.firm_on_fake import FirmOnFake, direct, firm_on_fake
from tests.component.guard.test_guarding import OTHER_WALL
from tests.fakes.guard import GUARD_KEY, FakeGuard
from tests.fakes.homeserver import FakeHomeserver
from tests.fakes.room import Denied

UNDERSTOOD = {"older": FORM - 1, "newer": FORM + 1}
Speaks = Callable[[int, str], None]


@pytest.fixture
async def firm(fake: FakeHomeserver, store: Store, guard: FakeGuard) -> AsyncIterator[FirmOnFake]:
    async with firm_on_fake(fake, store, deadline=1.0) as made:
        yield made


@pytest.fixture(autouse=True)
def no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the bridge try again at once what failed a moment ago."""
    monkeypatch.setattr("bridge.reconcile.guarding.REST_SECONDS", 0.0)


@pytest.fixture
def guard_speaks(monkeypatch: pytest.MonkeyPatch) -> Speaks:
    """The guard is of another release from now on."""

    def speaks(form: int, release: str) -> None:
        monkeypatch.setattr("bridge.guard.keeper.FORM", form)
        monkeypatch.setattr("bridge.guard.keeper.__version__", release)

    return speaks


@pytest.mark.parametrize("guards", UNDERSTOOD)
@pytest.mark.parametrize("bridge_restarts", [True, False])
async def test_M3_between_two_releases_nobody_is_added_and_who_must_go_is_out(
    firm: FirmOnFake, guard: FakeGuard, guard_speaks: Speaks, guards: str, bridge_restarts: bool
) -> None:
    assert guard.keeper.policy is not None
    known = guard.keeper.policy.version
    guard_speaks(UNDERSTOOD[guards], "9.9")
    if bridge_restarts:
        firm.reconciler = firm.new_reconciler()
    # Nothing is begun that the guard must judge, and it is said why.
    (said,) = await firm.say(ANN, "!dm @ben @cleo Lunch?")
    assert "not work out" in said.body
    assert direct("a", "b", "c") not in firm.live_rooms()
    with pytest.raises(GuardAwayError, match=rf"of firm-bridge 9\.9, and the bridge of {__version__}"):
        await firm.reconciler.guarding.confirm()
    assert "Install one release into both" in firm.reconciler.guarding.trouble
    # Somebody walled off meanwhile is out, and the guard goes by what it knew.
    before, firm.firm = firm.firm, make_firm(walls=[WALL, OTHER_WALL])
    await firm.reconciler.passes.follow(before)
    room = await firm.room(ESTATE_TALK)
    assert firm.user(BEN) not in room.joined
    assert guard.keeper.policy.version == known
    # The same release again: the guard hears of the wall before anything else is done.
    guard_speaks(FORM, __version__)
    await firm.reconciler.passes.sync()
    await firm.reconciler.guarding.confirm()
    assert firm.reconciler.guarding.trouble == ""
    assert guard.keeper.policy.version > known
    with pytest.raises(Denied):
        firm.fake.invite((await firm.room(ESTATE_TALK)).room_id, firm.user(ANN), firm.user(BEN))
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)
    await firm.settled()


async def test_releases_of_one_form_understand_each_other(
    firm: FirmOnFake, guard: FakeGuard, guard_speaks: Speaks
) -> None:
    guard_speaks(FORM, "9.9")
    await firm.say(ANN, "!dm @ben @cleo Lunch?")
    assert await firm.people(direct("a", "b", "c")) == firm.users(ANN, BEN, CLEO)


def pushed(**said: Any) -> tuple[bytes, str]:
    body = orjson.dumps({"version": 7, "records": {}, **said})
    return body, sign_push(GUARD_KEY, body)


@pytest.mark.parametrize(
    ("form", "taken"), [(FORM, True), (FORM - 1, False), (FORM + 1, False), (str(FORM), False), (None, False)]
)
def test_M3_a_guard_takes_no_push_of_another_form(tmp_path: Path, form: object, taken: bool) -> None:
    keeper = Keeper(tmp_path / "policy", GUARD_KEY)
    if taken:
        assert keeper.accept(*pushed(form=form)) == 7
        return
    with pytest.raises(PushRefusedError, match=r"and the bridge of 9\.9;") as caught:
        keeper.accept(*pushed(form=form, release="9.9"))
    assert caught.value.errcode == OTHER_RELEASE
    assert keeper.policy is None
    assert not (tmp_path / "policy").exists()


def test_a_push_that_names_no_form_is_of_the_first(tmp_path: Path) -> None:
    assert Keeper(tmp_path / "policy", GUARD_KEY).accept(*pushed()) == 7


def test_M3_a_guard_updated_beside_a_file_of_another_form_lets_nobody_in(tmp_path: Path, guard_speaks: Speaks) -> None:
    Keeper(tmp_path / "policy", GUARD_KEY).accept(*pushed(form=FORM))
    guard_speaks(FORM + 1, "9.9")
    updated = Keeper(tmp_path / "policy", GUARD_KEY)
    with pytest.raises(PolicyLostError, match="Install one release into both"):
        updated.load()
    assert updated.policy is None
    guard_speaks(FORM, __version__)
    back = Keeper(tmp_path / "policy", GUARD_KEY)
    back.load()
    assert back.policy is not None


def test_R2_a_worker_of_another_release_takes_nothing_from_the_main_process(
    tmp_path: Path, guard: FakeGuard, guard_speaks: Speaks
) -> None:
    """Somebody updated the guard and restarted only some of the processes."""
    guard.keeper.accept(*pushed(form=FORM))
    worker = Keeper(tmp_path / "worker", GUARD_KEY)
    for pushes in (guard.keeper.pushes_after(0), guard.keeper.pushes_after(6)):
        guard_speaks(FORM + 1, "9.9")
        with pytest.raises(PushRefusedError, match="do not understand each other"):
            worker.follow(*pushes)
        guard_speaks(FORM, __version__)
    assert worker.policy is None
