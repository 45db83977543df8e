"""A small firm that files into a folder, on a clock of the test's own."""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from bridge.filing.filer import Filer
from bridge.filing.into_cabinet import FILING_LIMITS, FilingLimits
from bridge.firm.conversation import first_matter_conversation_id
from bridge.handlers.file_rules import judge_bytes_of
from bridge.mapping.files import Carried
from bridge.settings import FilingSettings
from bridge.store.engine.unit import Unit
from bridge.store.files.files import NewFile, add_file
from bridge.store.models import Filing
from tests.component.small_firm import SmallFirm, small_firm, write_directory

P = ParamSpec("P")
T = TypeVar("T")
MATTER = "2026-0042 Estate"
FOLDER = f"{MATTER}/General"
MEDIA = "/media/download/"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 10
numbers = itertools.count(1)


def carried(name: str, media_id: str, size: int, **told: Any) -> Carried:
    """What a message says of a file."""
    nothing = {"caption": "", "encryption": "", "declared_type": "", "width": None, "height": None, "duration_ms": None}
    said = {"kind": "file", "name": name, "name_key": name.casefold(), "mxc": f"mxc://localhost/{media_id}"}
    return Carried(**{**nothing, **said, "declared_size": size, **told})


class FiledFirm:
    """The firm, its filer and its cabinet."""

    def __init__(self, firm: SmallFirm, cabinet: Path) -> None:
        self.firm = firm
        self.root = cabinet
        self.now = 1_800_000_000_000

    async def use(self, **changed: Any) -> None:
        """File from now on with these settings, by a bridge just started."""
        await self.firm.restart(filing=FilingSettings(**{"mode": "on", "url": str(self.root), **changed}))
        self.restart()

    def restart(self, limits: FilingLimits = FILING_LIMITS) -> None:
        """File from now on by a filer just started."""
        service = self.firm.service
        self.filer = Filer(
            service.store,
            service.homeserver,
            service.settings,
            lambda: service.firm,
            service.metrics,
            clock=lambda: self.now,
            judge=partial(judge_bytes_of, self.firm.desk),
            limits=limits,
        )

    async def send(
        self,
        name: str,
        data: bytes,
        *,
        media: bytes | None = None,
        conversation_id: str = "",
        **told: Any,
    ) -> str:
        """Somebody sends a file to the matter's conversation; the index has it."""
        number = next(numbers)
        media_id = f"m{number}"
        self.firm.fake.media[media_id] = (name, data if media is None else media)
        sent = NewFile(
            room_id="!room",
            sender="@ruth:localhost",
            staff_id="ruth",
            at_ms=1_700_000_000_000 + number * 1000,
            carried=carried(name, media_id, len(data), **told),
            event_id=f"$file{number}",
            conversation_id=conversation_id or first_matter_conversation_id("m1"),
        )
        assert await self.store(add_file, sent)
        return sent.event_id

    async def make_all_admins(self) -> None:
        """Everybody is a firm admin, Walt behind his wall too."""
        await self.firm.let_all_be_admins()
        await self.firm.service.sync()
        self.restart()

    async def lift_the_wall(self) -> None:
        """Nobody is walled any more."""
        write_directory(str(self.firm.service.settings.directory.path), walls=[])
        directory = self.firm.service.directory
        await directory.refresh()
        await directory.confirm("ruth")
        await directory.refresh()

    async def told(self, before: int) -> str:
        """What was said since so many messages of the firm's."""
        # What is queued is sent with the answer.
        await self.firm.ask("ruth", "!ping")
        return "\n".join(body for _, _, body in self.firm.said[before:])

    async def store(self, work: Callable[Concatenate[Unit, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.firm.service.store.run(work, *args, **kwargs)

    async def filing(self, event_id: str) -> Filing:
        return await self.store(lambda unit: unit.get(Filing, Filing.event_id == event_id))

    def shown(self) -> dict[str, bytes]:
        """What stands in the cabinet, by path."""
        return {str(path.relative_to(self.root)): path.read_bytes() for path in self.root.rglob("*") if path.is_file()}

    def files(self) -> dict[str, bytes]:
        """The same without the bridge's own lists, by name."""
        return {Path(path).name: data for path, data in self.shown().items() if not path.endswith("/index.csv")}

    def listed(self, folder: str = FOLDER) -> list[dict[str, str]]:
        text = (self.root / folder / "index.csv").read_text("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    def fetched(self) -> int:
        """How often media was asked for."""
        return len(self.firm.fake.asked("GET", MEDIA))


@asynccontextmanager
async def filed_firm(tmp_path: Path, database_url: str) -> AsyncIterator[FiledFirm]:
    """The firm of DIRECTORY (small_firm.py) with a cabinet below `tmp_path`."""
    cabinet = tmp_path / "cabinet"
    cabinet.mkdir()
    async with small_firm(tmp_path, database_url) as firm:
        filed = FiledFirm(firm, cabinet)
        await filed.use()
        yield filed
