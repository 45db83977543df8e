"""What is written down of events as they come, before their transaction is answered, and without keeping their text.

When the newest message came in each channel (C3), whether anything happened in a conversation since its transcript
was filed, that somebody said something, where a webhook asks for that (A3), and whom it mentions, where those are told.
"""

from __future__ import annotations

from collections.abc import Sequence

from bridge.clock import now_ms
from bridge.firm.conversation import SHARED, ConversationKind
from bridge.firm.webhooks import EventType
from bridge.handlers.places import Places
from bridge.mapping.event import Event
from bridge.mapping.said import SAYING
from bridge.mapping.text import mentioned_users
from bridge.operations.telling import Effect, all_of
from bridge.store.engine.store import Store
from bridge.store.engine.unit import later
from bridge.store.files.transcripts import TranscriptOld, TranscriptWatched, note_changed, transcripts_up_to_date
from bridge.store.people.webhooks import WebhooksChanged
from bridge.store.record.happenings import ToTell, asked_for, happened
from bridge.store.rooms.channels import note_messages
from bridge.store.rooms.mentions import Mentioned, note_mentions

_MOST_MENTIONED = 50
"""People whom one message mentions and who are told of it."""
_TOLD_OF = SHARED | {ConversationKind.DIRECT}


def is_news(event: Event, bot_id: str) -> bool:
    """Whether an event is a message that somebody wrote anew, or a poll: no edit, and not the bot's."""
    if event.type not in SAYING or event.state_key is not None or event.sender == bot_id:
        return False
    return event.relation.get("rel_type") != "m.replace"


class Activity:
    """Notes the newest message of every channel, which transcripts are old, and what webhooks are to be told."""

    def __init__(self, places: Places, bot_id: str, store: Store, *, mentions: bool = False) -> None:
        """`mentions` is whether it is noted whom messages mention."""
        self._mentions = mentions
        self._places = places
        self._bot_id = bot_id
        self._store = store
        self._up_to_date: set[str] = set()
        """Conversations whose transcript becomes old when something happens in them."""
        self._known = False
        self._told: bool | None = None
        """Whether a webhook asks for messages; None where that is not known."""
        self._changed = 0
        """How often what webhooks ask for changed, so that nothing read before counts behind it."""
        store.listen(self._hear)

    async def news(self, events: Sequence[Event]) -> Effect | None:
        """What to write down of the events of a transaction before it is answered, if anything. Raises StoreError."""
        found = [await self._messages(events), await self._changes(events), await self._for_webhooks(events)]
        if self._mentions:
            found.append(await self._mentioned(events))
        effects = [one for one in found if one is not None]
        return all_of(effects) if effects else None

    async def _messages(self, events: Sequence[Event]) -> Effect | None:
        rooms: dict[str, int] = {}
        for event in events:
            if is_news(event, self._bot_id):
                room_id, at_ms = event.room_id, event.at_ms
                if at_ms > rooms.get(room_id, 0):
                    rooms[room_id] = at_ms
        newest: dict[str, int] = {}
        for room_id, at_ms in rooms.items():
            place = await self._places.place(room_id)
            if place is not None and place.kind is ConversationKind.CHANNEL:
                newest[place.key] = at_ms
        return later(note_messages, newest) if newest else None

    async def _for_webhooks(self, events: Sequence[Event]) -> Effect | None:
        while self._told is None:
            before = self._changed
            told = await self._store.read(asked_for, EventType.MESSAGE_SENT)
            if before == self._changed:
                self._told = told
        if not self._told:
            return None
        said: list[ToTell] = []
        for event in events:
            place = await self._places.place(event.room_id) if is_news(event, self._bot_id) else None
            if place is not None and place.kind in _TOLD_OF:
                by = await self._places.staff_id(event.sender) or ""
                said.append(
                    ToTell(EventType.MESSAGE_SENT, place.key, by, by, event.room_id, event.event_id, event.at_ms)
                )
        return later(happened, said) if said else None

    async def _mentioned(self, events: Sequence[Event]) -> Effect | None:
        found: list[tuple[Event, list[str]]] = []
        for event in events:
            user_ids = mentioned_users(event.content) if is_news(event, self._bot_id) else ()
            named = [one for one in dict.fromkeys(user_ids[:_MOST_MENTIONED]) if one != self._bot_id]
            place = await self._places.place(event.room_id) if named else None
            if place is not None and place.kind in _TOLD_OF:
                found.append((event, named))
        # Together: a client may mention whom it likes, and each id that nobody has is looked for among all accounts.
        known = await self._places.staff_ids({one for event, named in found for one in (event.sender, *named)})
        mentions = [
            Mentioned(event.event_id, known[one], event.room_id, now_ms())
            for event, named in found
            for one in named
            if one in known and known[one] != known.get(event.sender)
        ]
        return later(note_mentions, mentions) if mentions else None

    async def _changes(self, events: Sequence[Event]) -> Effect | None:
        if not self._known:
            self._up_to_date |= await self._store.read(transcripts_up_to_date)
            self._known = True
        if not self._up_to_date:
            return None
        places = [await self._places.place(room_id) for room_id in {event.room_id for event in events}]
        changed = {place.key for place in places if place is not None} & self._up_to_date
        return later(note_changed, changed) if changed else None

    def _hear(self, news: Sequence[object]) -> None:
        for item in news:
            if isinstance(item, TranscriptWatched):
                self._up_to_date.add(item.conversation_id)
            elif isinstance(item, TranscriptOld):
                self._up_to_date.discard(item.conversation_id)
            elif isinstance(item, WebhooksChanged):
                self._told = None
                self._changed += 1
