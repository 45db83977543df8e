"""Somebody who was in a matter's conversation and is behind a wall now asks Synapse everything it answers (M3).

Every request that Synapse knows, as its own code lists them, is made from a fresh login and from the session of before,
and then those that go on from an old position. docs/attacks.md has the ways that a person would think of one by one.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import pytest_asyncio

from bridge.dev.place import SYNAPSE_PYTHON
from tests.synapse.asked.test_channels import asking
from tests.synapse.attacks.attempt import Call, get, post
from tests.synapse.attacks.past import ALL_ROOMS, SLIDING_SYNC
from tests.synapse.attacks.stage import Seen, Stage, staged
from tests.synapse.test_attacks import LONG

pytestmark = pytest.mark.asyncio(loop_scope="module")

KNOWN = Path(__file__).with_name("endpoints.txt")
FILLED = {
    "room_id": "{past}",
    "room_identifier": "{past}",
    "event_id": "{past_event}",
    "parent_id": "{past_event}",
    "thread_root_id": "{past_thread}",
    "user_id": "{hal}",
    "target_user_id": "{hal}",
    "media_id": "{past_media}",
    "server_name": "localhost",
    "relation_type": "m.replace",
    "path": "pushrules/",
}
"""What is put into a path for what it names; anything else is of no matter, and stays as it is named."""
OWN_SESSION = ("/logout", "/deactivate", "/password", "/devices", "delete_devices", "/tokenrefresh")
"""What would end the session that asks, and shows nothing of any room."""
_GROUP = re.compile(r"\(\?P<(\w+)>([^()]*)\)")
_OPTIONAL = re.compile(r"\(([^()]*)\)\?")
_CHOICE = re.compile(r"\(([^()]*\|[^()]*)\)")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["guard", "bare"] if LONG else ["guard"])
async def stage(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with staged(tmp_path_factory.mktemp("former"), guard=request.param == "guard") as running:
        running.guarded = request.param == "guard"
        yield running


async def endpoints() -> dict[str, set[tuple[str, str]]]:
    """Method and pattern of every request that Synapse answers to clients, by process (endpoints.py)."""
    program = await asyncio.create_subprocess_exec(
        SYNAPSE_PYTHON, Path(__file__).with_name("endpoints.py"), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await program.communicate()
    assert program.returncode == 0
    return {process: {(method, pattern) for method, pattern, _ in found} for process, found in json.loads(said).items()}


def paths(pattern: str) -> Iterator[str]:
    """The paths that a pattern stands for, filled, with and without what may be left out."""
    found = _GROUP.search(pattern)
    if found is not None and "|" not in found[2]:
        yield from paths(pattern.replace(found[0], FILLED.get(found[1], found[1])))
    elif found is not None:
        for choice in found[2].split("|"):
            yield from paths(pattern.replace(found[0], choice))
    elif (optional := _OPTIONAL.search(pattern)) is not None:
        yield from paths(pattern.replace(optional[0], ""))
        yield from paths(pattern.replace(optional[0], optional[1]))
    elif (choice_of := _CHOICE.search(pattern)) is not None:
        for choice in choice_of[1].split("|"):
            yield from paths(pattern.replace(choice_of[0], choice, 1))
    else:
        yield pattern.strip("^$").replace("\\", "")


ROOM = "rooms/{past}/"
V1 = "/_matrix/client/v1/"
LEFT = '{"room":{"include_leave":true,"timeline":{"limit":50}}}'
IN_FULL = (
    '{"room":{"rooms":["{past}"],"include_leave":true,"timeline":{"limit":50},"state":{"lazy_load_members":false}}}'
)
SUBSCRIBED = {"room_subscriptions": {"{past}": {"timeline_limit": 50, "required_state": [["*", "*"]]}}}
SEARCH = {"search_categories": {"room_events": {"search_term": "wall", "event_context": {"before_limit": 5}}}}
SEARCH_THERE = {"search_categories": {"room_events": {"search_term": "wall", "filter": {"rooms": ["{past}"]}}}}
WITH_MORE: tuple[Call, ...] = (
    *(get(ROOM + "messages", dir=way, limit="100") for way in ("b", "f")),
    *(
        get(ROOM + "messages", dir="b", limit="100", **{"from": token})
        for token in ("{hal_page}", "{hal_own}", "s999_1")
    ),
    get(ROOM + "messages", dir="b", **{"from": "t999-999999"}),
    get(ROOM + "members", at="{hal_own}"),
    get(ROOM + "context/{past_event}", limit="50"),
    *(get(ROOM + "event/{" + name + "}") for name in ("past_thread", "past_deleted", "past_file", "hal_event")),
    *(get("rooms/{everyone}/" + way + "/{past_event}") for way in ("event", "context")),
    get(V1 + "rooms/{everyone}/relations/{past_event}"),
    *(get(V1 + "rooms/{past}/relations/{past_thread}" + more) for more in ("", "/m.thread")),
    get(V1 + "rooms/{past}/threads", include="all"),
    *(get(V1 + "rooms/{past}/timestamp_to_event", ts="9999999999999", dir=way) for way in ("b", "f")),
    get(V1 + "rooms/{past_space}/hierarchy"),
    get(ROOM + "state/m.room.name/", format="event"),
    get("events", room_id="{past}", timeout="0"),
    *(get("events", timeout="0", **{"from": token}) for token in ("{hal_first}", "s1_1_1_1_1_1_1_1_1_1")),
    *(get("initialSync", archived=there, limit="50") for there in ("true", "false")),
    *(get("notifications", limit="500", only=only) for only in ("", "highlight")),
    get("notifications", limit="500", **{"from": "999999"}),
    post("search", SEARCH),
    post("search", SEARCH_THERE),
    get("sync", timeout="0"),
    get("sync", timeout="0", filter=LEFT),
    get("sync", timeout="0", filter=IN_FULL),
    get("sync", timeout="0", full_state="true", filter=LEFT),
    *(
        get("sync", timeout="0", since=token, **more)
        for token in ("{hal_first}", "{hal_own}", "s1_1_1_1_1_1_1_1_1_1")
        for more in ({}, {"filter": LEFT}, {"full_state": "true"})
    ),
    Call("GET", "/_matrix/client/v3/sync?timeout=0;since={hal_first}"),
    Call("GET", "/_matrix/client/v3/sync?timeout=0&access_token=x;since={hal_first}&since=s99999"),
    *(
        Call("POST", SLIDING_SYNC, body, {"timeout": "0", **more})
        for body in (ALL_ROOMS, SUBSCRIBED)
        for more in ({}, {"pos": "{hal_pos}"}, {"pos": "0/{hal_first}"}, {"pos": "1/{hal_own}"})
    ),
    *(get(V1 + "media/" + way + "/localhost/{past_media}") for way in ("download",)),
    get(V1 + "media/download/localhost/{past_media}/anything.txt"),
    get(V1 + "media/thumbnail/localhost/{past_media}", width="32", height="32"),
    get("/_matrix/media/v3/download/localhost/{past_media}"),
    post(ROOM + "receipt/m.read/{past_event}"),
    post(ROOM + "read_markers", {"m.fully_read": "{past_event}"}),
    post(ROOM + "report/{past_event}", {"reason": "x"}),
)


async def test_synapse_answers_nothing_that_this_test_does_not_know() -> None:
    """After an upgrade of Synapse: look at what is new, then write the list anew."""
    found = "".join(f"{method} {pattern}\n" for method, pattern in sorted((await endpoints())["only"]))
    assert found == KNOWN.read_text(encoding="utf-8")


async def test_nothing_of_the_matter_is_in_any_answer(stage: Stage) -> None:
    """M3: neither what was said before the wall nor what was added to it since, whatever is asked for."""
    every = [
        Call(method, path, None if method == "GET" else {}, {"timeout": "0"})
        for method, pattern in sorted((await endpoints())["only"])
        for path in paths(pattern)
        if not any(own in path for own in OWN_SESSION)
    ]
    sessions = {"fresh": await stage.firm.login("hal"), "old": stage.people["hal"]}
    shown: dict[str, set[str]] = {}
    for (session, person), call in itertools.product(sessions.items(), [*every, *WITH_MORE]):
        seen = await stage.request(person, call)
        if words := _words(stage, seen, call):
            shown[f"{session} {call.method} {call.path} {call.query} {seen.status}"] = words
    assert stage.firm.server is not None
    assert "bridge/guard" not in stage.firm.server.log.read_text(encoding="utf-8"), "The guard failed."
    # Without the guard Synapse shows what was said before the wall.
    assert shown == {} if stage.guarded else {"added"}.isdisjoint(set().union(*shown.values())), shown


def _words(stage: Stage, seen: Seen, call: Call) -> set[str]:
    asked_for = str(stage.filled(repr(call)))
    return {
        name
        for name, word in stage.canaries.items()
        if name in {"past", "earlier", "added"} and word in seen.shown and word not in asked_for
    }


async def test_a_client_that_saw_everything_hears_that_it_is_out_and_goes_on(stage: Stage) -> None:
    """Nobody is signed out whose client has nothing left to be told."""
    hal, past = stage.people["hal"], stage.things["past"]
    told = await hal.get("sync", timeout="0", since=stage.things["hal_own"])
    assert past in told["rooms"]["leave"]
    await hal.get("sync", timeout="0", since=told["next_batch"])


async def test_a_client_that_is_refused_begins_anew_with_all_else(stage: Stage) -> None:
    hal, everyone = await stage.firm.login("hal"), stage.things["everyone"]
    if stage.guarded:
        refused = await hal.request("GET", "sync", since=stage.things["hal_first"], timeout="0")
        assert (refused.status, refused.code, refused.body["soft_logout"]) == (401, "M_UNKNOWN_TOKEN", False)
        again = await hal.request("POST", SLIDING_SYNC, ALL_ROOMS, pos=f"0/{stage.things['hal_first']}", timeout="0")
        assert (again.status, again.code) == (400, "M_UNKNOWN_POS")
    assert everyone in (await hal.sync())["rooms"]["join"]
    assert everyone in (await hal.request("POST", SLIDING_SYNC, ALL_ROOMS, timeout="0")).ok()["rooms"]
    assert (await hal.get(f"rooms/{quote(everyone)}/messages", dir="b"))["chunk"]


async def test_who_may_read_it_again_is_shown_all_of_it_again(stage: Stage) -> None:
    """The last of these tests: the wall ends. What was withheld was kept from a person, and is not lost."""
    hal, things, word = stage.people["hal"], stage.things, stage.canaries
    ask = asking(stage.firm, hal, things["hal_chat"])
    stage.let_back()
    rooms = {things["past"], things["past_now"]}
    while not rooms <= await hal.joined_rooms():
        await ask(f"!matter join 2025-{word['past']}")
    read = [await hal.get(f"rooms/{quote(room)}/messages", dir="b", limit="100") for room in sorted(rooms)]
    assert word["earlier"] in str(read)
    assert word["added"] in str(read)
    media = await stage.request(hal, get(V1 + "media/download/localhost/{past_media}"))
    assert media.text == word["earlier"]


async def test_no_power_writes_where_the_conversation_was_held_before(stage: Stage) -> None:
    """M3: a server admin can give a participant the bot's power over the room; with the guard that opens nothing."""
    ann, room = stage.people["ann"], stage.things["past"]
    path = f"/_synapse/admin/v1/rooms/{quote(room)}/make_room_admin"
    given = await stage.firm.bot.request("POST", path, {"user_id": ann.user_id})
    path = f"rooms/{quote(room)}/send/m.room.message/power"
    said = await ann.request("PUT", path, {"msgtype": "m.text", "body": "x"})
    if stage.guarded:
        assert (given.status, said.status) == (403, 403)
