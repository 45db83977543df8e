"""What a message says in the panel, in lists of pins and to systems."""

from __future__ import annotations

from typing import Any

import pytest

from bridge.mapping.said import said_in


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"body": "Pay 5k", "m.text": [{"body": "Pay 50k"}]}, "Pay 5k"),
        ({"body": "Pay 5k", "org.matrix.msc1767.text": "Pay 50k"}, "Pay 5k"),
        ({"body": " ", "m.text": [{"body": "Pay 50k"}]}, "Pay 50k"),
        ({"m.text": [{"body": "Pay 50k"}]}, "Pay 50k"),
        ({"body": "The plan", "filename": "plan.pdf", "m.text": [{"body": "another"}]}, "plan.pdf"),
        ({"body": 7}, ""),
    ],
)
def test_V2_what_is_said_is_what_clients_show(content: dict[str, Any], said: str) -> None:
    assert said_in({"type": "m.room.message", "content": {"msgtype": "m.text", **content}}) == said
