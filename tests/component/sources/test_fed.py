"""What Smokeball tells of reaches Matrix (S2)."""

from __future__ import annotations

from pathlib import Path

from tests.panel.fed_firm import fed_firm


async def test_S2_a_changed_matter_reaches_matrix_by_its_webhook_alone(tmp_path: Path, database_url: str) -> None:
    async with fed_firm(tmp_path, database_url) as fed:
        firm, smokeball = fed.firm, fed.smokeball
        (asked,) = firm.bridge.asked
        number, matter = 0, next(iter(smokeball.world.matters.values()))
        smokeball.matter(number, title="Sale of the Old Mill")
        smokeball.settle()
        smokeball.asked.clear()
        await fed.webhook("matter.updated", matter["id"])
        # Nothing else is due: the look at what changed comes with the hint.
        while await asked.reader.run():
            pass
        assert not fed.named("Sale of the Old Mill")
        await firm.bridge.upkeep.follow_directory()
        await firm.settle()
        assert fed.named("Sale of the Old Mill")
        assert f"GET /matters/{matter['id']}" in smokeball.asked
