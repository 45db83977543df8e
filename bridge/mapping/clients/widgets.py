"""The panel beside the messages of a room: the state by which clients show it, and who need not be asked before. Pure.

Sources: matrix-widget-api (the page speaks it with the client), Element Web for the account data.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from bridge.firm.room_rules import WIDGET

Json = dict[str, Any]
WIDGET_ID = "firm-panel"
"""The state key."""
WIDGET_PATH = "/widget"
ALLOWED = "im.vector.setting.allowed_widgets"
"""The account data of a room that says which widgets its owner's client loads without asking, by event id."""
_TITLE = "Files, pins and people"


def widget_address(panel: str, conversation_id: str) -> str:
    """The page of the panel, at `panel`, that is shown beside a conversation."""
    return f"{panel.rstrip('/')}{WIDGET_PATH}/{quote(conversation_id, safe='')}"


def widget_content(address: str, bot_id: str) -> Json:
    """The content of the state event that shows the page at this address."""
    return {
        "id": WIDGET_ID,
        "type": "m.custom",
        "url": f"{address}?theme=$org.matrix.msc2873.client_theme",
        "name": _TITLE,
        "creatorUserId": bot_id,
        # The page says when it is ready for the client's questions.
        "waitForIframeLoad": False,
        "data": {},
    }


def shows_widget(event_type: str, state_key: str | None, content: Json, panel: str) -> bool:
    """Whether a state event shows a page of the panel at this address."""
    url = content.get("url")
    ours = event_type == WIDGET and state_key == WIDGET_ID and bool(panel)
    return ours and isinstance(url, str) and url.startswith(widget_address(panel, ""))


def allowed(before: Json, event_id: str) -> Json | None:
    """The account data in which the widget of this event is allowed; None where it stays as it is.

    Whoever has taken the permission back keeps that.
    """
    return None if event_id in before else {**before, event_id: True}
