"""How well the bridge is, as sentences for whoever looks after it."""

from __future__ import annotations

from bridge.care.telling_directory import trouble_of
from bridge.clock import now_ms
from bridge.directory.file import DirectoryFile
from bridge.directory.sources.port import SCIM, SOURCE_NAMES, SourceStanding
from bridge.filing.filer import Filer
from bridge.matrix.outbox import Outbox
from bridge.service import FirmService
from bridge.store.record.homeserver_time import clocks_apart
from bridge.upkeep.passes import Upkeep
from bridge.upkeep.stages import Stage, Standing, State
from bridge.webhooks.delivering import Deliverer
from bridge.wording.directory import ago

_NAMED = 5
"""Records that are named before the rest is only counted."""


def health(firm: FirmService, upkeep: Upkeep, outbox: Outbox, filer: Filer, webhooks: Deliverer) -> dict[str, str]:
    """What is wrong, by check; an empty sentence where all is well."""
    stages = {stage.value: words(stage, standing) for stage, standing in upkeep.stages.standings.items()}
    trouble, reconciler = trouble_of(firm.directory), firm.reconciler
    return {
        **stages,
        "homeserver": stages[Stage.MET] or upkeep.unreached,
        "clock": clocks_apart() if upkeep.clocks_apart else "",
        "guard": reconciler.guarding.trouble,
        "rooms": reconciler.again.words(),
        "database": firm.store.trouble,
        "outbox": stages[Stage.SENDING] or outbox.stopped_because,
        "filing": filer.stopped_because,
        "webhooks": webhooks.trouble,
        "accounts": firm.homeserver.accounts_trouble,
        "directory": "" if trouble is None else trouble.short,
        "sources": "; ".join(_of_source(one) for one in firm.directory.standings if one.trouble or one.flawed),
    }


def leaving_held(directory: DirectoryFile) -> int:
    """How many people have left, as SCIM has it among others, whose leaving waits for a firm admin."""
    leavers = directory.held.leavers if directory.held is not None else ()
    origins = [directory.origin("staff", one) for one in leavers]
    return sum(one is not None and SCIM in one.sources for one in origins)


def scim_words(directory: DirectoryFile, refused: str, pushed_at: int | None) -> str:
    """What is wrong with what is pushed by SCIM; `refused` are the words for what was refused."""
    held = leaving_held(directory)
    people = "1 person who has" if held == 1 else f"{held} people who have"
    waits = f"The leaving of {people} left waits for a firm admin: `!directory status`." if held else ""
    if not (waits or refused):
        return ""
    last = "never" if pushed_at is None else f"{ago(now_ms() - pushed_at)} ago"
    return " ".join(filter(None, (waits, refused, f"Something was last pushed: {last}.")))


def _of_source(standing: SourceStanding) -> str:
    called = f"{SOURCE_NAMES[standing.source]} (last read {_age(standing, now_ms())})"
    if standing.trouble:
        return f"{called}: {standing.trouble}"
    records = "1 record" if standing.flawed == 1 else f"{standing.flawed} records"
    named = ", ".join(f"{one.kind} {one.id}" for one in standing.flaws[:_NAMED])
    return f"{called}: {records} cannot be read and stay as before, of which `firm-bridge check` says why: {named}"


def _age(standing: SourceStanding, now: int) -> str:
    return "never" if standing.read_at is None else f"{ago(now - standing.read_at)} ago"


def words(stage: Stage, standing: Standing) -> str:
    """Why this stage is not done; empty where it is."""
    if standing.state is State.WAITING:
        return "not asked yet" if stage is Stage.MET else "not yet"
    if standing.state is State.PUT_BACK:
        return "The homeserver was put back from a backup; everything is being made as it should be again."
    return standing.why
