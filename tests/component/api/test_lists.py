"""Lists of the API come in pages, each with a cursor that is good for that list alone (A2)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_origin

from pydantic import BaseModel

from bridge.web.api.models import PageJson
from bridge.web.api.routes import ROUTES
from tests.component.api.harness import Api, Json, System
from tests.component.directory.test_directory_undone import write
from tests.component.small_firm import DIRECTORY

WHOLE = {
    "channels.recent: items": "ten at most (C3)",
    "pins.list: items": "a hundred at most (V2)",
    "people.why: others": "one for each rule",
    "people.why: refused": "the newest few",
    "people.why: said_by": "one of the person, one of the matter",
    "plan.get: problems": "a line for each room that cannot be read, as the bot says it",
    "plan.get: steps": "the first thousand, and how many come behind",
    "conversations.about: roles": "those of a matter",
    "conversations.about: groups": "each in the one before it",
    "filing.get: errors": "one for each kind of trouble",
    "walls.get: people": "whom a wall names, which is set as a whole",
    "walls.get: acknowledged": "some of those",
    "webhooks.get: events": "kinds of events",
}
"""Lists of what is looked at that have no pages, and why."""


def test_A2_what_grows_with_the_firm_comes_in_pages() -> None:
    found = {
        f"{route.name}: {name}"
        for route in ROUTES
        if route.method == "GET" and route.answer is not None
        for name in _lists(route.answer)
        if not (name == "items" and issubclass(route.answer, PageJson) and "cursor" in route.query.model_fields)
    }
    assert found == set(WHOLE)


def _lists(model: type[BaseModel]) -> Iterator[str]:
    return (name for name, field in model.model_fields.items() if get_origin(field.annotation) is list)


async def everything(system: System, path: str) -> list[Json]:
    """What each page of one has, from the first to the last."""
    pages, cursor = list[Json](), dict[str, str]()
    while True:
        page = (await system.get(path, limit="1", **cursor)).json
        assert len(page["items"]) <= 1
        pages.append(page)
        if page["next"] is None:
            return pages
        cursor = {"cursor": page["next"]}


async def test_A2_conversations_of_a_matter_come_in_pages(api: Api) -> None:
    ruth, path = await api.system("ruth"), "/matters/m1/conversations"
    for title in ("Disclosure", "Experts"):
        await ruth.post(path, {"title": title})
    assert [page["items"][0]["name"] for page in await everything(ruth, path)] == ["Disclosure", "Experts", "General"]
    cursor = (await ruth.get(path, limit="1")).json["next"]
    assert (await ruth.get("/people/ruth/access/conversations", cursor=cursor)).status == 422


async def test_A2_O2_what_somebody_is_in_comes_in_pages(api: Api) -> None:
    ruth = await api.system("ruth")
    for title in ("Experts", "Disclosure"):
        await ruth.post("/matters/m1/conversations", {"title": title})
    pages = await everything(ruth, "/people/ruth/access/conversations")
    assert [one["text"] for page in pages for one in page["items"]] == [
        "Disclosure · 2026-0042 Estate",
        "Experts · 2026-0042 Estate",
        "General · 2026-0042 Estate",
        "the channel Everyone",
    ]
    # Of somebody else it is another list, though all else of the request is the same.
    path, cursor = "/people/{}/access/conversations", pages[0]["next"]
    assert [(await ruth.get(path.format(who), cursor=cursor)).status for who in ("ruth", "tom")] == [200, 422]


async def test_A2_O2_why_looks_at_one_page_of_a_matters_conversations(api: Api) -> None:
    ruth = await api.system("ruth")
    for title in ("Experts", "Disclosure"):
        await ruth.post("/matters/m1/conversations", {"title": title})
    api.firm.fake.requests.clear()
    page = (await ruth.get("/people/ruth/why", place="2026-0042", limit="1")).json
    assert [one["title"] for one in page["items"]] == ["Disclosure"]
    assert len(api.firm.fake.asked("GET", "/state$")) == 1
    following = {"place": "2026-0042", "cursor": page["next"]}
    rest = (await ruth.get("/people/ruth/why", **following)).json
    assert ([one["title"] for one in rest["items"]], rest["next"]) == (["Experts", "General"], None)
    assert (await ruth.get("/people/ruth/why", **{**following, "place": "m1"})).status == 422


async def test_A2_O2_what_a_held_change_leads_to_comes_in_pages_that_name_the_change(api: Api) -> None:
    await api.firm.bridge.upkeep.shut_out()
    ruth = await api.system("ruth")
    assert (await ruth.get("/directory/effects")).json == {"items": [], "next": None, "held": None}
    staying = [one for one in DIRECTORY["staff"] if one["id"] == "ruth"]
    await write(api.firm, **{**DIRECTORY, "staff": staying, "walls": []})
    held = (await ruth.get("/directory")).json["held"]
    pages = await everything(ruth, "/directory/effects")
    assert {page["held"] for page in pages} == {held}
    said = [page["items"][0]["text"] for page in pages]
    assert said == sorted(said, key=str.casefold)
    for name in ("Inès Moreau", "Tom Price", "Walt Walled"):
        assert f"{name}: the account ends; out of every conversation" in said


async def test_A2_of_every_list_with_pages_it_can_be_said_how_many_come_at_once(api: Api) -> None:
    for route in ROUTES:
        assert ("cursor" in route.query.model_fields) is ("limit" in route.query.model_fields), route.name
    ruth = await api.system("ruth")
    whole = [one["text"] for one in (await ruth.get("/audit", limit="200", until="2100-01-01T00:00:00Z")).json["items"]]
    assert len(whole) > 2
    pages = await everything(ruth, "/audit?until=2100-01-01T00:00:00Z")
    # What was asked for here is in it by now, too.
    assert [one["text"] for page in pages for one in page["items"]][-len(whole) :] == whole
