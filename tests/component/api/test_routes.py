"""Every route of the API as everybody who must not: each must have its case here (A1, M3, D4, F2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import permutations
from pathlib import Path

from bridge.firm.audit import Deed
from bridge.firm.conversation import direct_id, first_matter_conversation_id
from bridge.operations.tokens import OF_SYSTEMS, Scope, end_tokens_of_leavers
from bridge.store.engine.unit import ReadUnit, Unit
from bridge.store.models import MODELS, ApiToken, AuditRow
from bridge.store.people.leavers import set_leaver, set_returned
from bridge.web.api.problems import PROBLEM_TYPE
from bridge.web.api.routes import ROUTES
from bridge.web.api.table import Route
from tests.component.api.harness import SECRETS, Api, Json, Reply, System, api_firm
from tests.component.small_firm import direct

HIDDEN = {
    "matter": "m1",
    "conversation": first_matter_conversation_id("m1"),
    "wall": "w1",
    "any_wall": "w1",
    "person": "tom",
    "event": "$file",
    "webhook": "hook-1",
}
"""The matter behind Walt's wall, and what belongs to it."""
PLACES = {"matter", "conversation", "wall", "any_wall"}
UNKNOWN = {
    "matter": "m9",
    "conversation": "matter-" + "0" * 32,
    "wall": "w9",
    "any_wall": "w9",
    "person": "nobody",
    "event": "$file",
    "webhook": "hook-2",
}


@dataclass(frozen=True)
class Case:
    """How a route is asked for what must not be seen."""

    body: Json | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    """What names the matter, where the address does not."""
    refuses: int = 0
    """What a request with such a body is answered with, where it names the matter; 0 where it does not."""


_PLAIN = Case()
CASES: Mapping[str, Case] = {
    "people.list": _PLAIN,
    "people.get": _PLAIN,
    "people.access": _PLAIN,
    "people.walls": _PLAIN,
    "people.conversations": _PLAIN,
    "people.why": Case(query={"place": "m1"}, refuses=404),
    "people.leave": _PLAIN,
    "people.return": _PLAIN,
    "leavers.list": _PLAIN,
    "matters.list": Case(query={"q": "Estate"}),
    "matters.get": _PLAIN,
    "matters.conversations": _PLAIN,
    "matters.access": _PLAIN,
    "matters.filing": _PLAIN,
    "matters.file": Case({"filed": True}),
    "matters.start": Case({"title": "Mine", "people": ["walt"]}),
    "conversations.list": _PLAIN,
    "conversations.open": Case({"people": ["tom"]}),
    "conversations.get": _PLAIN,
    "conversations.about": _PLAIN,
    "conversations.transcript": _PLAIN,
    "conversations.change": Case({"title": "Mine"}),
    "conversations.join": _PLAIN,
    "conversations.leave": _PLAIN,
    "channels.list": Case(query={"q": "Estate"}),
    "channels.recent": _PLAIN,
    "channels.create": Case({"name": "Mine"}),
    "participants.list": _PLAIN,
    "participants.change": Case({"add": ["walt"]}),
    "files.search": Case(query={"matter": "m1"}),
    "files.list": _PLAIN,
    "files.download": _PLAIN,
    "messages.seen": _PLAIN,
    "pins.list": _PLAIN,
    "pins.pin": _PLAIN,
    "pins.unpin": _PLAIN,
    "walls.list": Case(query={"keeps_out": "walt"}),
    "walls.set": Case({"matter_id": "m1", "people": ["tom"], "memo": "Why"}, refuses=422),
    "walls.acknowledge": Case({"walls": ["w1"]}, refuses=404),
    "walls.get": _PLAIN,
    "walls.report": _PLAIN,
    "walls.lift": _PLAIN,
    "audit.list": Case(query={"matter": "m1"}),
    "directory.get": _PLAIN,
    "directory.effects": _PLAIN,
    "directory.confirm": Case({"fingerprint": "x"}, refuses=409),
    "directory.undo": _PLAIN,
    "plan.get": Case(query={"place": "m1"}, refuses=404),
    "filing.get": Case(refuses=409),
    "digest.get": _PLAIN,
    "digest.choose": Case({"wanted": False}),
    "webhooks.list": _PLAIN,
    "webhooks.make": Case({"url": "https://example.com/", "events": ["matter.changed"]}, refuses=200),
    "webhooks.get": _PLAIN,
    "webhooks.end": _PLAIN,
    "webhooks.replay": _PLAIN,
}


async def asked(system: System, route: Route, named: Mapping[str, str] = HIDDEN, **more: str) -> Reply:
    """Ask for a route by its case."""
    case = CASES[route.name]
    return await system.ask(route.method, route.path.format(**named), case.body, params={**case.query, **more})


def test_A1_every_route_has_its_case_and_no_other() -> None:
    assert set(CASES) == {route.name for route in ROUTES}
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_A2_no_address_is_another_one_with_something_filled_in() -> None:
    """Else the one's methods would be offered at the other."""
    paths = {tuple(route.path.split("/")) for route in ROUTES}
    mixed = [
        (one, other)
        for one, other in permutations(paths, 2)
        if len(one) == len(other) and all(a == b or a.startswith("{") for a, b in zip(one, other, strict=True))
    ]
    assert mixed == []


async def test_A1_no_route_answers_without_a_token_that_works(api: Api) -> None:
    ended, of_tom = await api.system("ruth", days=0), await api.system("tom")
    await api.firm.ask("ruth", "!staff leave @tom")
    before = len(api.firm.fake.rooms)
    for system in (System(api.client), System(api.client, "forged"), ended, of_tom):
        first = await asked(system, ROUTES[0])
        assert (first.status, first.headers["WWW-Authenticate"]) == (401, "Bearer")
        for route in ROUTES:
            assert (await asked(system, route)).same == first.same, route.name
    assert len(api.firm.fake.rooms) == before


async def test_A1_F2_with_a_leaver_their_tokens_end_for_good(api: Api) -> None:
    of_tom = await api.system("tom")
    assert (await of_tom.get("/people")).status == 200
    await api.firm.ask("ruth", "!staff leave @tom")
    await api.firm.ask("ruth", "!staff return @tom")
    assert (await of_tom.get("/people")).status == 401
    # The same where the directory says so, and nobody tries the token meanwhile.
    again, store = await api.system("tom"), api.firm.service.store
    await store.run(set_leaver, "tom", "", "directory")
    await end_tokens_of_leavers(api.firm.desk)
    await store.run(set_returned, "tom", "", "directory")
    assert (await again.get("/people")).status == 401


async def test_A1_a_scope_too_small_is_refused_before_anything_is_looked_at(api: Api) -> None:
    systems = {scope: await api.system("ruth", set(Scope) - {scope}) for scope in Scope}
    for route in ROUTES:
        replies = [await asked(systems[route.scope], route, named) for named in (HIDDEN, UNKNOWN)]
        assert replies[0].same == replies[1].same, route.name
        assert replies[0].status == 403, route.name
        assert route.scope in replies[0].headers["WWW-Authenticate"]


async def test_A1_M3_behind_a_wall_nothing_is_told_of_the_matter_and_nothing_done(api: Api) -> None:
    firm = api.firm
    talk = firm.room("2026-0042 Estate")
    firm.fake.message(talk, firm.user("ruth"), "Estate")
    await firm.settle()
    before, walt = firm.members(talk), await api.system("walt")
    for route in ROUTES:
        reply = await asked(walt, route)
        assert not any(secret in reply.raw.decode() for secret in SECRETS), route.name
        assert PLACES.isdisjoint(_parts(route)) or reply.status == 404, route.name
        assert reply.status == CASES[route.name].refuses or not CASES[route.name].refuses, route.name
        assert firm.members(talk) == before, route.name


async def test_A1_M3_what_is_hidden_is_answered_exactly_as_what_is_not_there(api: Api) -> None:
    walt = await api.system("walt")
    for route in ROUTES:
        if not PLACES.isdisjoint(_parts(route)):
            hidden, unknown = await asked(walt, route, HIDDEN), await asked(walt, route, UNKNOWN)
            assert hidden.same == unknown.same, route.name
            assert hidden.status == 404, route.name


async def test_A1_M3_a_list_about_a_hidden_matter_is_the_list_about_none(api: Api) -> None:
    walt = await api.system("walt")
    for path in ("/audit", "/files"):
        hidden, unknown = await walt.get(path, matter="m1"), await walt.get(path, matter="m9")
        assert hidden.same == unknown.same
    for path in ("/walls", "/matters", "/channels"):
        asked_for = {"client": "Estate"} if path == "/walls" else {"q": "Estate"}
        assert (await walt.get(path, **asked_for)).json["items"] == []


async def test_A1_M3_a_system_that_acts_as_itself_is_answered_by_the_routes_for_systems_alone(api: Api) -> None:
    """The wall is around the only matter, so that it finds none, whomever that keeps out."""
    room = await direct(api.firm)
    talk, itself = api.firm.room("2026-0042 Estate"), await api.itself()
    before = api.firm.members(talk), api.firm.members(room)
    scopes = {route.scope for route in ROUTES if route.for_systems}
    assert scopes == OF_SYSTEMS
    everything = await api.itself("everything", OF_SYSTEMS)
    await api.firm.service.store.run(_give_all_scopes)
    for route in ROUTES:
        for system in (itself, everything):
            reply, parts = await asked(system, route), _parts(route)
            assert not any(secret in reply.raw.decode() for secret in SECRETS), route.name
            unknown = await asked(system, route, UNKNOWN)
            if not route.for_systems:
                assert (reply.status, reply.same) == (403, unknown.same), route.name
            elif not PLACES.isdisjoint(parts):
                assert (reply.status, reply.same) == (404, unknown.same), route.name
            if "conversation" in parts and route.for_systems:
                theirs = await asked(system, route, {**HIDDEN, "conversation": direct_id(["ruth", "tom"])})
                assert theirs.same == unknown.same, route.name
        assert (api.firm.members(talk), api.firm.members(room)) == before, route.name


def _give_all_scopes(unit: Unit) -> None:
    """As somebody might who can write in the database."""
    unit.run(ApiToken.update(scopes=" ".join(Scope)).where(ApiToken.system == "everything"))


async def test_A1_D4_a_direct_conversation_is_not_there_for_others(api: Api) -> None:
    room = await direct(api.firm)
    before, ines = api.firm.members(room), await api.system("ines")
    theirs = {**HIDDEN, "conversation": direct_id(["ruth", "tom"])}
    for route in ROUTES:
        if "conversation" in _parts(route):
            assert (await asked(ines, route, theirs)).same == (await asked(ines, route, UNKNOWN)).same, route.name
            assert api.firm.members(room) == before, route.name


async def test_A1_what_is_for_firm_admins_is_for_no_others(tmp_path: Path, database_url: str) -> None:
    async with api_firm(tmp_path, database_url, admins=False) as api:
        ruth = await api.system("ruth")
        for route in ROUTES:
            if route.for_admins:
                hidden, unknown = await asked(ruth, route, HIDDEN), await asked(ruth, route, UNKNOWN)
                assert hidden.same == unknown.same, route.name
                assert (hidden.status, hidden.json["detail"]) == (403, "That is for firm admins."), route.name


async def test_A1_a_dry_run_changes_nothing(api: Api) -> None:
    await direct(api.firm)
    ruth = await api.system("ruth")
    for route in ROUTES:
        if not route.writes:
            continue
        rooms = {key: set(room.joined) for key, room in api.firm.fake.rooms.items()}
        stored = await api.firm.service.store.read(_everything)
        reply = await asked(ruth, route, HIDDEN, dry_run="true")
        assert reply.status != 500, route.name
        if "dry_run" not in route.query.model_fields:
            assert reply.status == 422, route.name
        assert {key: set(room.joined) for key, room in api.firm.fake.rooms.items()} == rooms, route.name
        assert await api.firm.service.store.read(_everything) == stored, route.name


def _everything(unit: ReadUnit) -> dict[str, list[str]]:
    """All rows, without the record of who asked."""
    rows = {one.__name__: [str(row) for row in unit.all(one.select().dicts())] for one in MODELS if one is not ApiToken}
    others = AuditRow.select().where(AuditRow.deed != Deed.API)
    return {**rows, AuditRow.__name__: [str(row) for row in unit.all(others.dicts())]}


async def test_A2_what_is_refused_is_a_problem_and_every_answer_has_the_headers_of_all(api: Api) -> None:
    walt = await api.system("walt")
    for route in ROUTES:
        reply = await asked(walt, route, UNKNOWN)
        assert reply.headers["X-Content-Type-Options"] == "nosniff", route.name
        assert reply.headers["RateLimit-Policy"].startswith(f'"{route.rate}"'), route.name
        if reply.status != 200:
            assert reply.headers["Content-Type"] == PROBLEM_TYPE, route.name
            assert {"type", "title", "status", "detail"} <= reply.json.keys(), route.name


def _parts(route: Route) -> set[str]:
    return {part for part in HIDDEN if f"{{{part}}}" in route.path}
