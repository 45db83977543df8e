"""What a person did before they asked is known when they are answered, though it was done in another room."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bridge.firm.errors import BridgeError

LOOK_AGAIN_SECONDS = 0.01
WAIT_SECONDS = 2.0


class TooEarlyError(BridgeError):
    """What the sender did before is still being handled. Nothing was done; to be tried again in a moment."""


@dataclass(slots=True)
class OwnBefore:
    """What each person did that was not tried yet, in the order in which it arrived.

    Rooms are worked on side by side, so that a question may be taken up before the join or the file that its asker
    sent a moment earlier. What failed once is waited for no more, and nothing is waited for longer than two seconds:
    one broken room holds up no answer.
    """

    _arrived: dict[str, dict[str, float]] = field(default_factory=dict)
    """When each event arrived (by the monotonic clock), by sender and event id."""
    _senders: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        """Events that were not tried yet."""
        return len(self._senders)

    def arrived(self, event_id: str, sender: str) -> None:
        """Note an event that is going to be handled."""
        self._senders[event_id] = sender
        self._arrived.setdefault(sender, {})[event_id] = time.monotonic()

    def tried(self, event_id: str) -> None:
        """Forget an event, which was handled or failed. One that is unknown is passed over."""
        sender = self._senders.pop(event_id, None)
        if sender is None:
            return
        own = self._arrived[sender]
        del own[event_id]
        if not own:
            del self._arrived[sender]

    def settle(self, event_id: str) -> None:
        """Raises TooEarlyError while something that its sender did before this event was not tried yet."""
        own = self._arrived.get(self._senders.get(event_id, ""))
        if own is None or next(iter(own)) == event_id:
            return
        if time.monotonic() - own[event_id] < WAIT_SECONDS:
            raise TooEarlyError
