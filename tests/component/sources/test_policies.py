"""What may be concluded from Smokeball's policies, and from there being none (S2, S3, M3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from bridge.check.finding import Verdict
from bridge.check.sources import policy_finding
from bridge.directory.smokeball.policies import ALL_MATTERS, Look, barred_in, denied_in, is_barred
from bridge.directory.sources.port import Hint
from bridge.settings import SmokeballSettings
from bridge.store.engine.store import Store
from tests.component.sources.connected import Connected, connected
from tests.component.sources.test_smokeball import small_firm
from tests.fakes.smokeball import FakeSmokeball, link, uuid


def two_matters(fake: FakeSmokeball) -> tuple[str, str, str, str]:
    """Ann's two matters, of which Ben must not see the first."""
    ann, ben, first = small_firm(fake)
    second = fake.matter(2, personResponsible=link(ann))
    fake.world.policies[first] = [fake.user_of(ben)]
    return ann, ben, first, second


async def turns(one: Connected, number: int) -> None:
    for _ in range(number):
        await one.settled()


async def test_S2_with_a_wrong_reference_no_matter_opens(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path, policy_reference="matters/{matter}") as one:
        ann, ben, first, second = two_matters(one.fake)
        await turns(one, 3)
        assert [one.sees(ann, first), one.sees(ann, second)] == [True, True]
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, False]
        said = await policy_finding(one.settings, store)
        assert (said.state, "policy_reference" in said.remedy) == (Verdict.WARNING, True)
        right = one.settings.model_copy(update={"policy_reference": "{matter}"})
    async with connected(store, tmp_path, one.fake) as again:
        await again.settled()
        assert (await policy_finding(right, store)).state is Verdict.OK


async def test_S2_no_policy_counts_as_none_once_another_is_found(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, ben, first, second = two_matters(one.fake)
        del one.fake.world.policies[first]
        await turns(one, 2)
        assert not one.sees(ben, second)
        one.fake.world.policies[first] = [one.fake.user_of(ben)]
        await one.settled()
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, True]


@pytest.mark.parametrize("deny", ["restriction", "wall"])
async def test_M3_a_deny_list_stays_when_every_policy_is_gone_at_once(store: Store, tmp_path: Path, deny: str) -> None:
    async with connected(store, tmp_path, deny=deny) as one:
        ann, ben, first, second = two_matters(one.fake)
        one.fake.world.policies[first].append(one.fake.user_of(ann))
        await one.settled()
        assert one.sees(ben, second)
        one.fake.world.policies.clear()
        await turns(one, 4)
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, False]
        assert one.sees(ann, first) == (deny == "restriction")


async def test_M3_one_policy_gone_is_believed_after_a_turn_in_which_others_were_found(
    store: Store, tmp_path: Path
) -> None:
    async with connected(store, tmp_path) as one:
        _, ben, first, second = two_matters(one.fake)
        one.fake.world.policies[second] = []
        await one.settled()
        del one.fake.world.policies[first]
        one.fake.settle()
        for _ in range(3):
            one.reader.hint(Hint("matters", first))
            await one.look()
        await one.directory.refresh()
        assert not one.sees(ben, first)
        await turns(one, 2)
        assert one.sees(ben, first)


async def test_S2_another_reference_takes_nothing_over_from_the_one_before(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first, second = two_matters(one.fake)
        await one.settled()
        assert one.sees(ben, second)
        async with connected(store, tmp_path, one.fake, policy_reference="wrong-{matter}") as again:
            again.now[0] = one.now[0]
            await again.look()
            assert [again.sees(ben, first), again.sees(ben, second)] == [False, False]
            await turns(again, 3)
            assert [again.sees(ben, first), again.sees(ben, second)] == [False, False]
            assert again.sees(ann, first)


@pytest.mark.parametrize(
    ("policy", "denied"),
    [
        ({"id": "p", "rules": [{"principalId": "u", "operation": "Access", "type": 0}]}, ("u",)),
        ({"id": "p", "rules": [{"principalId": "u", "type": "Deny"}, {"principalId": "v", "type": 7}]}, ("u", "v")),
        ({"id": "p", "rules": [{"principalId": "u", "type": 1}, {"principalId": "v", "operation": "Execute"}]}, ()),
        ({"id": "p", "rules": [{"principalId": "u", "type": 0, "operation": "Read"}]}, ("u",)),
        ({"id": "p", "resourceId": "matters/m", "rules": None}, ()),
        ({"id": "p", "resourceId": "matters/other", "rules": []}, None),
        ({"id": "p", "principalId": "u", "rules": []}, None),
        ({"id": "p", "rules": [{"operation": "Access", "type": 0}]}, None),
        ({"id": "p", "rules": ["u"]}, None),
        ({"id": "p", "rules": {"u": 0}}, None),
        ({}, None),
        ([], None),
        ("", None),
    ],
)
def test_S2_a_policy_that_is_not_understood_says_nothing(policy: Any, denied: tuple[str, ...] | None) -> None:
    assert denied_in(policy, "m") == denied


@pytest.mark.parametrize("reference", ["", "matters", "{matter}{matter}", "{id}", "../{matter}?", "{matter!r}"])
def test_S2_a_reference_names_the_matter_once(reference: str) -> None:
    with pytest.raises(ValidationError, match=r"It must have \{matter\} in it once"):
        SmokeballSettings.model_validate({"policy_reference": reference})


GROUP = uuid(5000)


def in_a_group(fake: FakeSmokeball, *staff: str) -> str:
    fake.world.groups[GROUP] = {"id": GROUP, "name": "G", "principalIds": [fake.user_of(one) for one in staff]}
    return GROUP


@pytest.mark.parametrize(
    ("of", "grouped", "deny"),
    [
        ("one", False, "restriction"),
        ("one", True, "wall"),
        ("all", False, "wall"),
        ("all", True, "restriction"),
        ("all by their own", False, "wall"),
        ("all by their own", True, "restriction"),
    ],
)
async def test_M3_a_policy_of_any_kind_keeps_out(
    store: Store, tmp_path: Path, of: str, grouped: bool, deny: str
) -> None:
    async with connected(store, tmp_path, deny=deny) as one:
        ann, ben, first, second = two_matters(one.fake)
        cat, world = one.fake.person(3, "Cat"), one.fake.world
        world.policies[first] = []
        who = in_a_group(one.fake, ben) if grouped else one.fake.user_of(ben)
        await one.settled()
        assert one.sees(ben, first)
        if of == "all":
            world.policies[ALL_MATTERS] = [who]
        else:
            world.bars[who] = [f"matters/{first}" if of == "one" else ALL_MATTERS]
        await one.settled()
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, of == "one"]
        assert all(one.sees(other, matter) for other in (ann, cat) for matter in (first, second))
        # It goes on holding when it is not found, and ends when it says so.
        world.bars, kept = {}, world.bars
        of_all = world.policies.pop(ALL_MATTERS, None)
        await one.settled()
        assert not one.sees(ben, first)
        world.bars = {each: [] for each in kept}
        world.policies |= {ALL_MATTERS: []} if of_all else {}
        await one.settled()
        assert one.sees(ben, first)


async def test_M3_who_is_new_comes_with_what_they_are_denied(store: Store, tmp_path: Path) -> None:
    async with connected(store, tmp_path) as one:
        _, _, _, second = two_matters(one.fake)
        await one.settled()
        cat = one.fake.person(3, "Cat")
        one.fake.world.bars[one.fake.user_of(cat)] = [f"matters/{second}"]
        one.fake.settle()
        await one.look()
        assert cat in one.directory.firm.active_staff
        assert not one.sees(cat, second)


@pytest.mark.parametrize("principal", ["Partners", "roles/partner", uuid(77)])
async def test_M3_a_principal_that_is_neither_user_nor_group_could_be_anybody(
    store: Store, tmp_path: Path, principal: str
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first, second = two_matters(one.fake)
        one.fake.world.policies[first] = [principal]
        await one.settled()
        assert [one.sees(ann, first), one.sees(ben, first), one.sees(ben, second)] == [True, False, True]
        assert "neither a user nor a group" in (await policy_finding(one.settings, store)).what
        one.fake.world.policies |= {first: [], ALL_MATTERS: [principal]}
        await one.settled()
        assert [one.sees(ann, second), one.sees(ben, second)] == [True, False]
        assert "of all matters" in (await policy_finding(one.settings, store)).what


@pytest.mark.parametrize(("status", "body"), [(400, {}), (200, {"id": "p", "rules": [7]}), (200, [])])
async def test_M3_whose_own_policy_is_not_understood_is_in_no_matter_but_their_own(
    store: Store, tmp_path: Path, status: int, body: Any
) -> None:
    async with connected(store, tmp_path) as one:
        ann, ben, first, second = two_matters(one.fake)
        cat = one.fake.person(3, "Cat")
        await one.settled()
        one.fake.answers = {f"/policies/{one.fake.user_of(each)}": (status, body) for each in (ann, ben)}
        await one.settled()
        assert [one.sees(ben, second), one.sees(cat, second), one.sees(ann, second)] == [False, True, True]
        assert "own policy is not understood" in (await policy_finding(one.settings, store)).what
        one.fake.answers = {}
        one.fake.world.bars = {one.fake.user_of(each): [] for each in (ann, ben)}
        await one.settled()
        assert [one.sees(ben, first), one.sees(ben, second)] == [False, True]


@pytest.mark.parametrize(
    ("rules", "barred"),
    [
        ([{"resourceId": "matters/m", "operation": "Access", "type": 0}], ("m",)),
        ([{"resourceId": "m", "type": "Deny"}, {"resourceId": "matters/n", "type": 1}], ("m",)),
        ([{"resourceId": "matters", "type": 0}], (ALL_MATTERS,)),
        ([{"resourceId": "matters/*", "type": 0}, {"resourceId": "/", "type": 0}], (ALL_MATTERS,)),
        ([{"resourceId": "reports/m", "type": 0}], ("reports/m",)),
        (None, ()),
        ([{"type": 0}], None),
        ([{"resourceId": 7, "type": 0}], None),
        ("m", None),
    ],
)
def test_S2_a_principals_own_policy_says_of_which_matters(rules: Any, barred: tuple[str, ...] | None) -> None:
    assert barred_in({"id": "p", "principalId": "U", "rules": rules}, "u") == barred


def test_S2_a_policy_of_another_principal_or_of_a_matter_is_no_answer() -> None:
    for policy in ({"id": "p", "principalId": "v"}, {"id": "p", "principalId": "u", "resourceId": "m"}, {"id": "p"}):
        assert barred_in(policy, "u") is None


@pytest.mark.parametrize(
    ("spelt", "of"),
    [
        ("matters/M1", "one"),
        ("Matters/m1", "one"),
        ("/matters/m1/", "one"),
        ("https://api.smokeball.com/account/matters/m1", "one"),
        ("M1", "one"),
        ("Matters", "all"),
        ("https://api.smokeball.com/account/Matters/", "all"),
        ("/matters/*", "all"),
        ("reports/m1", "none"),
    ],
)
@pytest.mark.parametrize("matter", ["m1", "M1"])
def test_M3_a_bar_holds_however_it_spells_its_matter(spelt: str, of: str, matter: str) -> None:
    barred = barred_in({"id": "p", "principalId": "u", "rules": [{"resourceId": spelt, "type": 0}]}, "u")
    assert barred is not None
    look = Look(1, denied=barred)
    assert [is_barred(look, matter), is_barred(look, "m2")] == [of != "none", of == "all"]


@pytest.mark.parametrize("rules", [{}, "", False, 0, [{"principalId": "u", "resourceId": "m", "type": True}]])
def test_S3_rules_that_are_no_list_or_no_clear_allow_let_nobody_in(rules: Any) -> None:
    denied = ("u",) if rules else None
    assert denied_in({"id": "p", "rules": rules}, "m") == denied
    assert barred_in({"id": "p", "principalId": "u", "rules": rules}, "u") == (("m",) if rules else None)
