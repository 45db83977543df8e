"""The firm that is attacked: its people with their sessions, and secrets that nobody can guess.

Every secret thing has a word in it that was made for this run. Whoever should not know it must never be sent the word,
in no answer, no header, and no sync.
"""

from __future__ import annotations

import itertools
import json
import re
import secrets
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bridge.firm.conversation import channel_id, channel_key, first_matter_conversation_id
from bridge.firm.room_keys import KEEPER_SPACE, STAFF_SPACE, matter_space_key
from bridge.handlers.commands import ANSWERED
from bridge.operations.tokens import OF_SYSTEMS, NewToken, Scope, hashed
from bridge.web.panel.safety import COOKIE, form_token
from bridge.web.shell import SHELL_PATH, signed
from tests.synapse.asked.test_channels import asking
from tests.synapse.attacks import past
from tests.synapse.attacks.attempt import DELETED, Call, Say, Share, Step, Who
from tests.synapse.harness import WITHOUT_GUARD, Json, Person, RealFirm, real_firm
from tests.synapse.running.test_crash import bot_chat
from tests.synapse.running.test_provisioning import membership_of, now

NAMES = {"a": "ann", "b": "ben", "c": "cleo", "d": "dan", "f": "fay", "g": "gil", "h": "hal"}
PASSWORD = "walnut-river-42"
OF_THE_MATTER = {"number", "title", "client", "topic", "memo", "closed", "message", "file", "content", "late"}
OF_THE_PAST = {"past", "earlier", "added"}
"""The matter that Hal was in: what it is called, what was said before the wall, and what was added to that after it."""
OF_THE_FIRM = {"surname", "channel"}
KNOWN: Mapping[Who, set[str]] = {
    Who.WALLED: OF_THE_FIRM,
    Who.FORMER: OF_THE_FIRM,
    Who.PARTICIPANT: OF_THE_FIRM | OF_THE_MATTER | OF_THE_PAST | {"direct"},
    Who.FIRM_ADMIN: OF_THE_FIRM | OF_THE_MATTER | OF_THE_PAST,
    Who.LEAVER: OF_THE_FIRM | (OF_THE_MATTER - {"late"}),
    Who.OUTSIDER: set(),
    Who.NOBODY: set(),
    Who.SERVER_ADMIN: OF_THE_FIRM,
    Who.SERVICE: OF_THE_FIRM,
}
"""Which secrets somebody may know. Ben is walled from the matter, the others of the firm are not."""
ACTORS = {
    Who.WALLED: "ben",
    Who.FORMER: "hal",
    Who.PARTICIPANT: "cleo",
    Who.LEAVER: "dan",
    Who.OUTSIDER: "stranger",
    Who.NOBODY: "nobody",
    Who.FIRM_ADMIN: "ann",
    Who.SERVER_ADMIN: "boss",
    Who.SERVICE: "service",
}
AS_ALSO = {"fay": "ben"}
"""Who may know the same as somebody else."""
_NAME = re.compile(r"\{(\w+)\}")
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Seen:
    """What somebody was answered: everything that reached them, headers too."""

    status: int
    text: str
    headers: str = ""

    @property
    def code(self) -> str:
        """The Matrix error code; empty where there is none."""
        try:
            body = json.loads(self.text)
        except ValueError:
            return ""
        return str(body.get("errcode", "")) if isinstance(body, dict) else ""

    @property
    def shown(self) -> str:
        """All of it, to look for words in."""
        return f"{self.text} {self.headers}"


@dataclass
class Stage:
    """The firm while it is attacked."""

    firm: RealFirm
    canaries: dict[str, str]
    """Each secret and its word."""
    directory: Path
    """The directory's file."""
    people: dict[str, Person] = field(default_factory=dict)
    things: dict[str, str] = field(default_factory=dict)
    """What `{name}` stands for."""
    guarded: bool = True
    said: dict[str, str] = field(default_factory=dict)
    """All that each person wrote in attempts; the bot may repeat it to them."""
    answered: set[str] = field(default_factory=set)
    """The one other event that each command in an attempt may lead to: the bot's reaction, the same for all."""

    def filled(self, value: Any) -> Any:
        """A value with the things of the firm put in for their names."""
        if isinstance(value, str):
            return _NAME.sub(lambda found: self.things.get(found[1], found[0]), value)
        if isinstance(value, dict):
            return {self.filled(key): self.filled(inner) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.filled(inner) for inner in value]
        return value

    def path(self, template: str) -> str:
        """A path with the things of the firm in it, each as one segment."""
        below = template if template.startswith("/") else "/_matrix/client/v3/" + template
        return _NAME.sub(lambda found: quote(self.things[found[1]], safe=""), below)

    def room(self, key: str) -> str:
        """The room of a key."""
        with closing(sqlite3.connect(self.firm.place.bridge_database)) as connection:
            (room_id,) = connection.execute("SELECT room_id FROM room WHERE key = ?", (key,)).fetchone()
        return str(room_id)

    def let_back(self) -> None:
        """Take the wall that keeps Hal out from the directory."""
        _write(self.directory, self.canaries, later=True, walled=False)

    def room_now(self, key: str) -> str | None:
        """The room of a key, which may be about to be made anew."""
        with closing(sqlite3.connect(self.firm.place.bridge_database)) as connection:
            found = connection.execute("SELECT room_id FROM room WHERE key = ?", (key,)).fetchone()
        return None if found is None else found[0]

    def events(self) -> dict[str, str]:
        """Every event that Synapse has but for messages and deletions of the bot, with what it is."""
        rows = self.firm.homeserver_rows(
            "SELECT event_id, room_id, type, state_key, sender, CASE type WHEN 'm.reaction' THEN json ELSE '{}' END"
            " FROM events JOIN event_json USING (event_id, room_id)"
            f" WHERE NOT (sender = '{self.firm.settings.bot_id}' AND type IN ('m.room.message', 'm.room.redaction'))"
        )
        return {
            event_id: " ".join(str(part) for part in (*about, json.loads(written).get("content", {})))
            for event_id, *about, written in rows
        }

    async def request(self, person: Person, call: Call) -> Seen:
        """Send one request as somebody."""
        token = self.filled(call.token) or person.token
        headers = {"Authorization": f"Bearer {token}"} if token and token != "-" else {}
        place = self.firm.place
        base = place.panel_url if call.panel else place.bridge_url if call.bridge else self.firm.url
        raw = isinstance(call.body, bytes)
        async with self.firm.http.request(
            call.method,
            base + self.path(call.path),
            params=self.filled(call.query),
            headers={**headers, **self.filled(call.headers)},
            data=call.body if raw else self.filled(call.form),
            json=None if raw or call.body is None else self.filled(call.body),
            allow_redirects=not call.panel,
        ) as response:
            said = (await response.read()).decode(errors="replace")
            return Seen(response.status, said, str(dict(response.headers)))

    async def say(self, person: Person, step: Say) -> Seen:
        """Write a message, then a ping behind it; what the bot replies to it before its pong is the answer.

        What the bot says by itself, as of something that the guard refused a moment before, comes when it comes.
        """
        room, since, marker = self.filled(step.room), await now(person), f"end{next(_numbers)}"
        asked = ""
        for content in (self.filled({"msgtype": "m.text", "body": step.text, **step.more}), None):
            self.said[person_name(person)] = f"{self.said.get(person_name(person), '')} {content or ''}"
            body = content or {"msgtype": "m.text", "body": f"!ping {marker}"}
            path = f"rooms/{quote(room)}/send/m.room.message/said{next(_numbers)}"
            event_id = (await person.request("PUT", path, body)).ok()["event_id"]
            if content:
                asked = event_id
                self.answered.add(self._reaction(room, event_id))
        heard: list[str] = []
        bot = self.firm.settings.bot_id

        def ends(where: str, event: Json) -> bool:
            if where != room or event["sender"] != bot or "body" not in event["content"]:
                return False
            if marker in event["content"]["body"]:
                return True
            replies = event["content"].get("m.relates_to", {}).get("m.in_reply_to", {}).get("event_id") == asked
            if replies or "url" in event["content"]:
                heard.extend((event["content"]["body"], event["content"].get("formatted_body", "")))
            return False

        await person.wait_for_event(since, ends)
        return Seen(200, "\n".join(heard))

    def _reaction(self, room: str, event_id: str) -> str:
        said = {"m.relates_to": {"event_id": event_id, "key": ANSWERED, "rel_type": "m.annotation"}}
        return f"{room} m.reaction None {self.firm.settings.bot_id} {said}"

    async def share(self, person: Person, step: Share) -> Seen:
        """Send a message with a file, and wait until the bot has deleted it; or the refusal."""
        room, since = self.filled(step.room), await now(person)
        path = f"rooms/{quote(room, safe='')}/send/{step.event_type}/shared{next(_numbers)}"
        answer = await self.request(person, Call("PUT", path, step.content))
        if answer.status != 200:
            return answer
        event_id = json.loads(answer.text)["event_id"]

        def deletes(_: str, event: Json) -> bool:
            redacts = event.get("redacts") or event["content"].get("redacts")
            return bool(redacts == event_id and event["sender"] == self.firm.settings.bot_id)

        await person.wait_for_event(since, deletes)
        return Seen(200, DELETED)

    async def play(self, person: Person, step: Step) -> list[Seen]:
        """Play one step."""
        if isinstance(step, Call):
            return [await self.request(person, step)]
        if isinstance(step, Say):
            return [await self.say(person, step)]
        if isinstance(step, Share):
            return [await self.share(person, step)]
        both = [(await self.play(person, one))[0] for one in (step.secret, step.invented)]
        first, second = (
            (seen.status, seen.text.replace(self.filled(word), "…"))
            for seen, word in zip(both, step.words, strict=True)
        )
        assert first == second, f"The answer tells that there is something. {first} {second}"
        return both

    async def synced(self, person: Person) -> str:
        """Everything that a new client of this person is sent, rooms that were left included."""
        limits = {"room": {"include_leave": True, "timeline": {"limit": 1000 + next(_numbers)}}}
        call = Call("GET", "sync", query={"timeout": "0", "filter": json.dumps(limits)})
        return (await self.request(person, call)).text

    def kept_from(self, name: str) -> dict[str, str]:
        """What must not be in anything that this person's client is sent: secrets, and rooms by their id."""
        who = next(who for who, actor in ACTORS.items() if actor == AS_ALSO.get(name, name))
        kept = self.secret_from(who, self.said.get(name, ""))
        if who in {Who.WALLED, Who.FORMER, Who.OUTSIDER, Who.LEAVER, Who.SERVER_ADMIN}:
            kept |= {room: self.things[room] for room in ("matter", "matter_space", "closed", "direct")}
        return kept

    def secret_from(self, who: Who, asked: Any = "") -> dict[str, str]:
        """The words this person must never be sent, less those that are in what was asked."""
        said = str(asked)
        hidden = {name: word for name, word in self.canaries.items() if name not in KNOWN[who]}
        return {name: word for name, word in hidden.items() if word not in said}


def person_name(person: Person) -> str:
    """What somebody is called here."""
    return person.user_id.removeprefix("@").partition(":")[0]


def _canaries() -> dict[str, str]:
    kinds = [*sorted(OF_THE_MATTER | OF_THE_FIRM | OF_THE_PAST), "direct"]
    # Letters alone, so that a word can be in a name, and no number that comes about by chance.
    return {kind: "q" + "".join(secrets.choice("bcdfghjkmnprstvwxz") for _ in range(14)) for kind in kinds}


def _directory(word: Mapping[str, str], *, later: bool, walled: bool) -> Json:
    surname = f"Moor{word['surname']}"
    return {
        "staff": [
            {
                "id": who,
                "first_name": name.title(),
                "last_name": surname,
                "email": f"{name}@firm.example",
                "role": "Owner" if who == "a" else "Paralegal",
                "former": later and who == "d",
            }
            for who, name in NAMES.items()
        ],
        "matters": [
            {
                "id": "m",
                "number": f"2026-{word['number']}",
                "title": f"Estate {word['title']}",
                "client": f"Orla {word['client']}",
                "responsible": "a",
                "assisting": ["c", "d"],
                "held": True,
            },
            {
                "id": "k",
                "number": f"2024-{word['closed']}",
                "title": f"Sale {word['closed']}",
                "client": f"Orla {word['client']}",
                "status": "Closed" if later else "Open",
                "responsible": "a",
                "assisting": ["c"],
            },
            {
                "id": "p",
                "number": f"2025-{word['past']}",
                "title": f"Trust {word['past']}",
                "client": f"Orla {word['client']}",
                "responsible": "a",
                "assisting": ["c", "h"],
            },
            # Of which the bot's welcome tells Hal, so that what is looked for is in none of his own messages.
            {"id": "o", "number": "2026-0001", "title": "Lease", "client": "Ola Marsh", "responsible": "h"},
        ],
        "walls": [
            {
                "id": "w",
                "client": f"Orla {word['client']}",
                "people": ["b", "f"],
                "memo": f"Cousins of {word['memo']}.",
                "set_by": "a",
            },
            *([{"id": "v", "matter": "p", "people": ["h"], "memo": "Her brother.", "set_by": "a"}] if walled else []),
        ],
        "channels": [{"name": f"Court {word['channel']}", "participants": ["a", "c"]}],
    }


def _write(directory: Path, word: Mapping[str, str], *, later: bool, walled: bool) -> None:
    directory.write_text(json.dumps(_directory(word, later=later, walled=walled)))


@asynccontextmanager
async def staged(
    folder: Path,
    *,
    guard: bool,
    start: Callable[[Path, dict[str, Json]], AbstractAsyncContextManager[RealFirm]] = real_firm,
) -> AsyncIterator[Stage]:
    """The firm with everything in it that is to be kept, Dan just gone. `start` makes it, on a Synapse of some kind."""
    word = _canaries()
    directory = folder / "directory.yaml"
    _write(directory, word, later=False, walled=False)
    own: dict[str, Json] = {
        "directory": {"path": str(directory), "removal_limit": 100},
        "firm": {"name": "Moor"},
        "panel": {"widget": ["https://chat.example"]},
        **({} if guard else WITHOUT_GUARD),
    }
    async with start(folder / "var", own) as firm:
        firm.start_bridge()
        await firm.bridge_ready()
        stage = Stage(firm, word, directory)
        await _let_in(stage)
        await _furnish(stage)
        await past.furnish(stage)
        await _let_go(stage, directory)
        await past.go_on(stage)
        yield stage


async def _let_in(stage: Stage) -> None:
    firm = stage.firm
    for name in NAMES.values():
        stage.people[name] = await firm.login(name)
    stage.people["stranger"] = await firm.make_account("stranger")
    stage.people["boss"] = await firm.make_server_admin("boss")
    stage.people["nobody"] = firm.nobody
    stage.people["service"] = Person(firm.http, firm.url, "", firm.bot.token)
    stage.things |= {name: person.user_id for name, person in stage.people.items() if person.user_id}
    stage.things |= {
        "bot": firm.settings.bot_id,
        "as_token": firm.bot.token,
        "hs_token": firm.settings.appservice.hs_token.get_secret_value(),
        "ben_token": stage.people["ben"].token,
        "stranger_token": stage.people["stranger"].token,
        "boss_token": stage.people["boss"].token,
        "matter": stage.room(first_matter_conversation_id("m")),
        "matter_space": stage.room(matter_space_key("m")),
        "closed": stage.room(first_matter_conversation_id("k")),
        "past": stage.room(first_matter_conversation_id("p")),
        "past_space": stage.room(matter_space_key("p")),
        "channel": stage.room(channel_id(channel_key(f"Court {stage.canaries['channel']}"))),
        "staff_space": stage.room(STAFF_SPACE),
        "keeper": stage.room(KEEPER_SPACE),
        "number": f"2026-{stage.canaries['number']}",
        "closed_number": f"2024-{stage.canaries['closed']}",
        "title": f"Estate {stage.canaries['title']}",
        "channel_name": f"Court {stage.canaries['channel']}",
        "client": f"Orla {stage.canaries['client']}",
        "surname": f"Moor{stage.canaries['surname']}",
        "word": stage.canaries["message"],
    }
    for staff_id, name in NAMES.items():
        stage.things[f"{name}_api"] = await token_of(firm, staff_id)
    stage.things["intake_api"] = await token_of(firm, "", tuple(OF_SYSTEMS), "intake")
    for name in ("ann", "ben", "cleo", "gil", "hal"):
        stage.things[f"{name}_chat"] = await bot_chat(stage.people[name], firm)
    for name in ("ann", "ben", "dan", "hal"):
        stage.things |= await _panel(firm, stage.people[name], name)
    (stage.things["everyone"],) = {
        room for room in await stage.people["ben"].joined_rooms() if await _named(stage, room) == "Everyone"
    }


async def token_of(firm: RealFirm, staff_id: str, scopes: tuple[Scope, ...] = tuple(Scope), system: str = "") -> str:
    """A token of the API with these scopes, or all, of a person or a system."""
    token = f"firm-bridge-{secrets.token_urlsafe(16)}"
    wanted = NewToken(hashed(token), staff_id, "attacks", scopes, 1, "a test", system)
    key = firm.settings.security.alias_key.get_secret_value()
    body = signed(key, {"do": "add token", "token": asdict(wanted)})
    async with firm.http.post(firm.place.bridge_url + SHELL_PATH, data=body) as answer:
        assert answer.status == 200, await answer.text()
    return token


async def _panel(firm: RealFirm, person: Person, name: str) -> dict[str, str]:
    """A session of the panel, the token of its forms, the link that was spent for it, and one that is not."""
    ask = asking(firm, person, await bot_chat(person, firm))
    spent = await _link(ask)
    async with firm.http.post(f"{firm.place.panel_url}/in/{spent}", allow_redirects=False) as answer:
        session = answer.cookies[COOKIE].value
    return {
        f"{name}_session": session,
        f"{name}_form": form_token(session),
        f"{name}_spent": spent,
        f"{name}_link": await _link(ask),
    }


async def _link(ask: Callable[[str], Awaitable[str]]) -> str:
    found = re.search(r"/in/([\w-]+)", await ask("!panel"))
    assert found is not None
    return found[1]


async def _named(stage: Stage, room_id: str) -> str:
    return await stage.people["ben"].room_name(room_id)


async def _furnish(stage: Stage) -> None:
    """Put secrets where they belong: messages, a file, a thread, a direct conversation, a closed channel."""
    firm, ann, cleo, gil = stage.firm, stage.people["ann"], stage.people["cleo"], stage.people["gil"]
    things, word = stage.things, stage.canaries
    things["event"] = await ann.say(things["matter"], f"In confidence: {word['message']}")
    headers = {"Authorization": f"Bearer {ann.token}", "Content-Type": "text/plain"}
    upload = f"{firm.url}/_matrix/media/v3/upload"
    async with firm.http.post(
        upload, params={"filename": f"{word['file']}.txt"}, headers=headers, data=word["content"]
    ) as response:
        mxc = (await response.json())["content_uri"]
    things["media"] = mxc.rpartition("/")[2]
    content = {"msgtype": "m.file", "body": f"{word['file']}.txt", "url": mxc}
    path = f"rooms/{quote(things['matter'])}/send/m.room.message/file"
    (await ann.request("PUT", path, content)).ok()
    things["own_event"] = await cleo.say(things["matter"], "A draft")
    things["closed_event"] = await cleo.say(things["closed"], "before it was closed")
    things["plain_event"] = await cleo.say(things["everyone"], "Lunch?")
    ask = asking(firm, cleo, things["cleo_chat"])
    since = await now(cleo)
    await ask(f"!dm @gil {word['direct']}")
    (things["direct"],) = (await cleo.account_data("m.direct"))[gil.user_id]
    await ask("!channel create Old Plans")
    things["command"] = await _command(cleo, since)
    things["archived"] = next(
        iter({room for room in await cleo.joined_rooms() if await cleo.room_name(room) == "Old Plans"})
    )
    things["archived_event"] = await cleo.say(things["archived"], "before it was archived")
    await ask("!channel archive Old Plans")


async def _command(somebody: Person, since: str) -> str:
    """The event id of the channel's making, as its author sees it."""
    asked = "!channel create Old Plans"
    _, event = await somebody.wait_for_event(since, lambda _, event: event["content"].get("body") == asked)
    return str(event["event_id"])


def _closes(closed: str, room_id: str, event: Json) -> bool:
    return room_id == closed and event["content"].get("events_default", 0) > 0


def _tells_of_closing(closed: str, room_id: str, event: Json) -> bool:
    return room_id == closed and event["type"] == "m.room.topic" and "closed" in event["content"]["topic"]


async def _let_go(stage: Stage, directory: Path) -> None:
    """Dan, who was in the matter, leaves with everything he could keep: two sessions, a password, an OpenID token."""
    firm, ann, dan, things = stage.firm, stage.people["ann"], stage.people["dan"], stage.things
    second = await firm.login_by_password("dan", PASSWORD)
    things |= {"dan_second": second["access_token"], "dan_refresh": second.get("refresh_token", "none")}
    openid = await dan.request("POST", f"user/{quote(dan.user_id)}/openid/request_token")
    things["dan_openid"] = openid.ok()["access_token"]
    cleo, boss = stage.people["cleo"], stage.people["boss"]
    login_as = f"/_synapse/admin/v1/users/{quote(cleo.user_id)}/login"
    borrowed = replace(cleo, token=(await boss.request("POST", login_as, {})).ok()["access_token"])
    named = {name: stage.people[name] for name in ("ben", "cleo", "stranger", "boss")} | {"borrowed": borrowed}
    for name, person in named.items():
        openid = await person.request("POST", f"user/{quote(person.user_id)}/openid/request_token")
        things[f"{name}_openid"] = openid.ok()["access_token"]
    since = await now(ann)
    _write(directory, stage.canaries, later=True, walled=True)
    await ann.wait_for_event(since, membership_of(dan.user_id, "leave", things["matter"]))
    await ann.wait_for_event(since, partial(_closes, things["closed"]))
    for room in (things["closed"], stage.room(matter_space_key("k"))):
        await ann.wait_for_event(since, partial(_tells_of_closing, room))
    path = f"/_synapse/admin/v1/users/{quote(dan.user_id)}/joined_rooms"
    while (await firm.bot.get(path))["total"] or (await dan.request("GET", "account/whoami")).status == 200:
        pass
    things["late_event"] = await ann.say(things["matter"], f"Dan has gone: {stage.canaries['late']}")
