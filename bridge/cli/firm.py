"""Commands about the firm: plan, sync, staff, directory, dead letters."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from bridge.cli.asking import ask_bridge
from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import AsJson, Config, complain, print_json, read_settings, say, wait_for
from bridge.firm.names import spellings
from bridge.firm.text.directions import together

if TYPE_CHECKING:
    from bridge.firm.model import Firm, Staff
    from bridge.reconcile.planning.foreseen import Effect
    from bridge.reconcile.planning.steps import Plan
    from bridge.service import FirmService
    from bridge.settings import Settings

T = TypeVar("T")
Work = Callable[["FirmService"], Coroutine[Any, Any, T]]
Ask = Callable[["Settings"], Coroutine[Any, Any, T]]
_SHOWN_STEPS = 200
_NOT_FOLLOWED = (
    "The directory's files cannot be used as they are (`firm-bridge check` says why), so this is about the firm as it"
    " was last accepted."
)
_PATIENCE = 10.0
"""Seconds for which a request is repeated while somebody waits at the terminal."""

staff = typer.Typer(help="The staff and their accounts.", no_args_is_help=True)
directory = typer.Typer(help="Where the firm comes from.", no_args_is_help=True)
dead_letters = typer.Typer(help="Events and messages that failed for the last time.", no_args_is_help=True)

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask first.")]


def with_firm(config: Path | None, work: Work[T]) -> T:
    """Open the firm for reading, beside the bridge that may run, do something with it, and close it."""
    return wait_for(_with_firm(read_settings(config), work, reading=True))


def as_owner(config: Path | None, work: Work[T], ask: Ask[T] | None = None) -> T:
    """The same for what changes something: where the bridge runs, it is asked to do it, or this is refused in words.

    Raises OwnedElsewhereError.
    """
    from bridge.store.engine.errors import OwnedElsewhereError

    settings = read_settings(config)

    async def run() -> T:
        try:
            return await _with_firm(settings, work, reading=False)
        except OwnedElsewhereError:
            if ask is None:
                raise
            return await ask(settings)

    return wait_for(run())


async def _with_firm(settings: Settings, work: Work[T], *, reading: bool) -> T:
    from bridge.matrix.retry import patience
    from bridge.service import open_firm

    with patience(_PATIENCE):
        async with open_firm(settings, reading=reading) as service:
            if service.directory.problems:
                complain(_NOT_FOLLOWED)
            return await work(service)


def plan(config: Config = None, as_json: AsJson = False) -> None:
    """Print what `sync` would change. Changes nothing."""

    async def look(service: FirmService) -> tuple[Plan, bool]:
        return await service.reconciler.planner.plan(), service.directory.held is not None

    planned, waits = with_firm(config, look)
    if as_json:
        steps = [{**step.as_json(), "changes_access": step.changes_access} for step in planned.steps]
        print_json({"steps": steps, "problems": list(planned.problems)})
        return
    for problem in planned.problems:
        say(f"To put right: {problem}")
    for step in planned.steps[:_SHOWN_STEPS]:
        say(("* " if step.changes_access else "  ") + step.describe())
    if len(planned.steps) > _SHOWN_STEPS:
        say(f"  ... and {len(planned.steps) - _SHOWN_STEPS} more; --json prints all.")
    if planned.steps:
        access = sum(step.changes_access for step in planned.steps)
        say(f"{len(planned.steps)} steps, {access} of them (marked *) about who can read something.")
    else:
        say("Nothing to do: everything is as it should be.")
    if waits:
        say("A change of the directory waits as well: `firm-bridge directory plan` lists what it would do.")


def sync(config: Config = None, yes: Yes = False) -> None:
    """Make everything as it should be, now. The running bridge does this by itself, and then this is refused."""
    from bridge.cli.tables import progress_bar

    async def work(service: FirmService) -> tuple[int, tuple[str, ...]]:
        if not yes:
            steps = len((await service.reconciler.planner.plan()).steps)
            if not steps or not typer.confirm(f"{steps} steps; `firm-bridge plan` lists them. Go ahead?"):
                return 0, ()
        with progress_bar("Syncing") as show:
            outcome = await service.sync(show)
        return outcome.done, outcome.failed

    done, failed = as_owner(config, work)
    say(f"{done} steps taken.")
    if failed:
        raise Stop(Exit.INCOMPLETE, "\n".join([f"{len(failed)} things could not be done:", *failed]))


@staff.command("list")
def list_staff(config: Config = None, as_json: AsJson = False) -> None:
    """List the staff and their Matrix ids."""
    from bridge.store.rooms.accounts import all_accounts

    async def work(service: FirmService) -> list[dict[str, Any]]:
        accounts = await service.store.read(all_accounts)
        server = service.settings.homeserver.server_name
        return [
            {
                "id": person.id,
                "name": person.name,
                "email": person.email,
                "role": person.role,
                "active": person.active,
                "user_id": f"@{accounts[person.id].localpart}:{server}" if person.id in accounts else "",
            }
            for person in sorted(service.directory.firm.staff.values(), key=lambda person: person.name.casefold())
        ]

    people = with_firm(config, work)
    if as_json:
        print_json(people)
        return
    from bridge.cli.tables import print_table

    rows = ([p["name"], p["role"], "active" if p["active"] else "former", p["user_id"] or "no account"] for p in people)
    print_table(("Name", "Role", "", "Matrix id"), rows)


def find_person(firm: Firm, user_ids: Mapping[str, str], wanted: str) -> Staff:
    """The one staff member meant. Raises Stop where there is none, or more than one."""
    spelled = set(spellings(wanted)) - {""}
    found = [
        member
        for member in firm.staff.values()
        if member.id == wanted
        or wanted.casefold() == member.email.casefold()
        or not spelled.isdisjoint(spellings(member.name))
        or (user_id := user_ids.get(member.id)) == wanted
        or (user_id and user_id.partition(":")[0] == f"@{wanted.removeprefix('@')}")
    ]
    if len(found) == 1:
        return found[0]
    if not found:
        raise Stop(Exit.NOT_FOUND, f"Nobody in the directory is {wanted}. `firm-bridge staff list` lists everybody.")
    ids = ", ".join(member.id for member in found)
    raise Stop(Exit.NOT_FOUND, f"More than one person is {wanted}: {ids}. Give the id.")


@directory.command("status")
def directory_status(config: Config = None) -> None:
    """Say what the directory holds, what is wrong with it, and what waits for confirmation.

    Ends with an exit code of its own where the directory is not followed for one of these.
    """

    from bridge.wording.directory import status_text

    async def look(service: FirmService) -> tuple[str, Exit]:
        read = service.directory
        code = Exit.DIRECTORY if read.problems else Exit.HELD if read.held is not None else Exit.OK
        return status_text(await read.status(), str), code

    text, code = with_firm(config, look)
    say(text)
    if code is not Exit.OK:
        raise typer.Exit(code)


@directory.command("plan")
def directory_plan(config: Config = None, as_json: AsJson = False) -> None:
    """List what the held change of the directory would do: whose account ends, who is put out of which conversation,
    which matters close. Changes nothing."""

    async def look(service: FirmService) -> tuple[str, tuple[Effect, ...]]:
        held = service.directory.held
        return (held.fingerprint() if held is not None else ""), await service.foresee()

    fingerprint, found = with_firm(config, look)
    if as_json:
        effects = [
            {"what": together(one.what), "becomes": [*map(together, one.becomes)], "matter_id": one.matter_id}
            for one in found
        ]
        print_json({"fingerprint": fingerprint, "effects": effects})
        return
    if not fingerprint:
        say("No change of the directory waits, so there is none to foresee.")
        return
    for one in found:
        say(f"  {one.text}")
    say(f"This is what the change {fingerprint} would do once confirmed. Nothing was changed.")


@directory.command("confirm")
def directory_confirm(config: Config = None, yes: Yes = False) -> None:
    """Let through the change of the directory that waits because it would take away much, or let in many."""
    from bridge.refusal import Refusal
    from bridge.wording.directory import confirmed_text, status_text
    from bridge.wording.refusals import worded

    by = f"{getpass.getuser()} on the command line"

    async def look(service: FirmService) -> tuple[str, str]:
        status = await service.directory.status()
        return (status.held.fingerprint, status_text(status, str)) if status.held is not None else ("", "")

    async def work(service: FirmService) -> str:
        try:
            return confirmed_text(await service.directory.confirm(by, fingerprint))
        except Refusal as refusal:
            return worded(refusal)

    async def ask(settings: Settings) -> str:
        return str((await ask_bridge(settings, {"do": "confirm", "fingerprint": fingerprint, "by": by}))["told"])

    fingerprint, status = with_firm(config, look)
    if not fingerprint:
        say("No change of the directory waits for confirmation.")
        return
    if not yes:
        say(status)
        if not typer.confirm("Let this change through?"):
            say("Nothing was confirmed.")
            return
    say(as_owner(config, work, ask))


@directory.command("undo")
def directory_undo(config: Config = None, yes: Yes = False) -> None:
    """Take back the change of the directory that was confirmed last, within a day, with the memberships it ended."""
    from bridge.clock import now_ms
    from bridge.directory.undoing import to_undo
    from bridge.refusal import Refusal
    from bridge.wording.directory import undone_text
    from bridge.wording.refusals import worded

    by = f"{getpass.getuser()} on the command line"

    async def look(service: FirmService) -> tuple[str, str]:
        try:
            return (await service.store.read(to_undo, "", now_ms())).fingerprint, ""
        except Refusal as refusal:
            return "", worded(refusal)

    async def work(service: FirmService) -> str:
        try:
            return undone_text(await service.directory.undo(by, fingerprint, to_admin=False), str)
        except Refusal as refusal:
            return worded(refusal)

    async def ask(settings: Settings) -> str:
        return str((await ask_bridge(settings, {"do": "undo", "fingerprint": fingerprint, "by": by}))["told"])

    fingerprint, refusal = with_firm(config, look)
    if refusal:
        raise Stop(Exit.NOT_FOUND, refusal)
    if not yes and not typer.confirm(f"Take back the change {fingerprint} of the directory?"):
        say("Nothing was taken back.")
        return
    say(as_owner(config, work, ask))


@dead_letters.command("list")
def list_dead_letters(config: Config = None, as_json: AsJson = False) -> None:
    """List what failed for the last time, with the reason. What people wrote is not shown."""
    letters = with_firm(config, _dead_letters)
    if as_json:
        print_json(letters)
    elif not letters:
        say("There are no dead letters.")
    else:
        from bridge.cli.tables import print_table

        columns = ("id", "room_id", "what", "since", "attempts", "error")
        rows = ([str(letter[column]) for column in columns] for letter in letters)
        print_table(("Id", "Room", "What", "Since", "Attempts", "Error"), rows)


async def _dead_letters(service: FirmService) -> list[dict[str, Any]]:
    from bridge.store.queues import inbox, outbox

    received = [
        {
            "id": f"in-{letter.position}",
            "room_id": letter.room_id,
            "what": f"event {letter.event_id}",
            "since": datetime.fromtimestamp(letter.received_at / 1000, UTC).isoformat(timespec="seconds"),
            "attempts": letter.attempts,
            "error": letter.error,
        }
        for letter in await service.store.read(inbox.dead_letters)
    ]
    unsent = [
        {
            "id": f"out-{message.position}",
            "room_id": message.room_id,
            "what": f"{message.event_type} of {message.sender}",
            "since": "",
            "attempts": message.attempts,
            "error": message.error,
        }
        for message in await service.store.read(outbox.dead_letters)
    ]
    return [*received, *unsent]


@dead_letters.command("replay")
def replay_dead_letters(
    ids: Annotated[list[str] | None, typer.Argument(help="Ids from `dead-letters list`. Default: all.")] = None,
    config: Config = None,
) -> None:
    """Let dead letters be tried again, by the running bridge or when it starts."""
    incoming, outgoing = (_positions(ids, "in"), _positions(ids, "out")) if ids else (None, None)

    async def work(service: FirmService) -> int:
        from bridge.store.queues import outbox

        return await service.store.run(outbox.replay_all, incoming, outgoing)

    async def ask(settings: Settings) -> int:
        asked = {"do": "replay", "incoming": incoming, "outgoing": outgoing}
        return int((await ask_bridge(settings, asked))["replayed"])

    replayed = as_owner(config, work, ask)
    say(f"{replayed} will be tried again.")
    if ids and replayed < len(set(ids)):
        raise Stop(
            Exit.NOT_FOUND, "The others are no dead letters (any more). `firm-bridge dead-letters list` lists them."
        )


def _positions(ids: list[str], direction: str) -> list[int]:
    positions = []
    for given in ids:
        prefix, _, number = given.partition("-")
        if prefix not in {"in", "out"} or not number.isdecimal():
            raise Stop(Exit.USAGE, f"{given} is not the id of a dead letter, such as in-12 or out-3.")
        if prefix == direction:
            positions.append(int(number))
    return positions
