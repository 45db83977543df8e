"""The tutorial is true: what it has people write is answered as it says, on the demo firm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from bridge.docs.pages import ROOT
from tests.synapse.asked.test_foreign_client import at_their_clients
from tests.synapse.running.test_provisioning import own_firm

TUTORIAL = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
_BLOCK = re.compile(r'^```text title="([^"]+)"\n(.*?)\n```$', re.MULTILINE | re.DOTALL)
_WHO = re.compile(r"^\| ([^|]+?) \| `([^`]+)` \|", re.MULTILINE)


def steps() -> Iterator[tuple[str, str, list[str]]]:
    """Who writes to the bot, what, and what must be in the answer."""
    blocks = _BLOCK.findall(TUTORIAL)
    for (who, typed), (bot, answer) in zip(blocks[::2], blocks[1::2], strict=True):
        assert bot == "Firm Bot"
        yield who, typed, answer.splitlines()


async def test_M3_O2_what_the_tutorial_asks_is_answered_as_it_says(tmp_path: Path, made_demo: Path) -> None:
    names = dict(_WHO.findall(TUTORIAL))
    async with own_firm(tmp_path, made_demo) as (firm, _), at_their_clients(firm, tmp_path / "logins.json") as seats:
        for who, typed, expected in steps():
            said = await seats[names[who]].ask_bot(typed)
            assert not [line for line in expected if line not in said], said
            if typed.startswith("!wall add"):
                assert not [name for name in await seats[names["Tomás Ferreira"]].rooms() if "Orchard Lane" in name]
