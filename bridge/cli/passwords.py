"""Passwords for staff, one at a time or for everybody. For firms without single sign-on."""

from __future__ import annotations

import csv
import secrets
import string
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer

from bridge.cli.exits import Exit, Stop
from bridge.cli.firm import Yes, find_person, with_firm
from bridge.cli.shell import Config, say
from bridge.cli.spreadsheet import harmless, new_file

if TYPE_CHECKING:
    from bridge.firm.model import Staff
    from bridge.service import FirmService

_LETTERS = string.ascii_lowercase + string.digits
_HEAD = ("Name", "E-mail", "User name", "Password")
_ONE_OR_ALL = (
    "Name one person, or give everybody a password: firm-bridge staff set-password --all --output FILE. A file is"
    " needed only for all."
)


@dataclass(frozen=True, slots=True)
class _Given:
    """What came of giving everybody a password."""

    done: int
    signs_on: tuple[str, ...]
    """Names of those who sign on elsewhere."""
    signed_in: tuple[str, ...]
    """Names of those who were left out because they are signed in."""
    no_account: tuple[str, ...]
    failed: tuple[str, ...]
    """A sentence for each."""


def set_password(
    person: Annotated[str, typer.Argument(help="Id, e-mail address, full name, localpart or Matrix id.")] = "",
    config: Config = None,
    generate: Annotated[bool, typer.Option("--generate", help="Make a password and print it.")] = False,
    everybody: Annotated[
        bool,
        typer.Option("--all", help="For everybody active who is signed in nowhere and has no single sign-on."),
    ] = False,
    signed_in: Annotated[
        bool,
        typer.Option("--signed-in", help="With --all: also for those who are signed in, which ends their sessions."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="With --all: the new file for the passwords, as CSV.")
    ] = None,
    yes: Yes = False,
) -> None:
    """Give a staff member, or everybody, a password, and end their sessions. For firms without single sign-on.

    The file of --all holds only passwords that work, also where the command was interrupted. It can be run again:
    whoever has signed in meanwhile is left alone, and the rest get another password in another file.
    """
    if bool(person) == everybody or everybody != (output is not None) or (signed_in and not everybody):
        raise Stop(Exit.USAGE, _ONE_OR_ALL)
    if output is None:
        say(with_firm(config, lambda service: _give_one(service, person, generate=generate)))
        return
    about = "This ends everybody's sessions, your own too." if signed_in else "Nobody who is signed in is touched."
    if not yes and not typer.confirm(f"{about} Go ahead?"):
        say("No password was set.")
        return
    _say_given(_give_all(config, output, signed_in=signed_in), output)


async def _give_one(service: FirmService, person: str, *, generate: bool) -> str:
    from bridge.firm.policy import may_act

    user_ids = await _user_ids(service)
    found = find_person(service.firm, user_ids, person)
    decision = may_act(service.firm, found.id)
    if not decision:
        raise Stop(Exit.REFUSED, f"{decision.reason} No password was set.")
    user_id = user_ids.get(found.id)
    if user_id is None:
        raise Stop(Exit.NOT_FOUND, f"{found.name} has no account yet. `firm-bridge sync` makes it.")
    password = _new_password() if generate else _ask_password(found.name)
    await service.homeserver.set_password(user_id, password, end_sessions=True)
    return f"{found.name} logs in as {user_id}" + (f" with the password {password}" if generate else "")


def _give_all(config: Path | None, output: Path, *, signed_in: bool) -> _Given:
    from bridge.cli.tables import progress_bar

    async def work(service: FirmService) -> _Given:
        from bridge.firm.policy import may_act

        people = [one for one in service.firm.staff.values() if may_act(service.firm, one.id)]
        people.sort(key=lambda one: one.name.casefold())
        user_ids = await _user_ids(service)
        own_people = [one for one in people if not one.external_ids]
        own = [one for one in own_people if one.id in user_ids]
        busy = [] if signed_in else [one for one in own if await _is_signed_in(service, user_ids[one.id])]
        meant, failed = [one for one in own if one not in busy], list[str]()
        if meant:
            # Opened before anything is changed: a file that cannot be written must not cost anybody their password.
            with new_file(output) as target, progress_bar("Setting passwords") as show:
                failed = await _give_each(service, meant, user_ids, target, show)
        return _Given(
            done=len(meant) - len(failed),
            signs_on=tuple(one.name for one in people if one.external_ids),
            signed_in=tuple(one.name for one in busy),
            no_account=tuple(one.name for one in own_people if one.id not in user_ids),
            failed=tuple(failed),
        )

    return with_firm(config, work)


async def _is_signed_in(service: FirmService, user_id: str) -> bool:
    from bridge.matrix.connection import DEVICE

    return any(device != DEVICE for device in await service.homeserver.admin_device_ids(user_id))


async def _give_each(
    service: FirmService,
    people: Sequence[Staff],
    user_ids: Mapping[str, str],
    target: TextIO,
    show: Callable[[int, int, str], None],
) -> list[str]:
    from bridge.matrix.errors import RequestError, TokenRejectedError, UnreachableError

    failed = []
    writer = csv.writer(target)
    writer.writerow(_HEAD)
    for number, one in enumerate(people, start=1):
        user_id, password = user_ids[one.id], _new_password()
        try:
            await service.homeserver.set_password(user_id, password, end_sessions=True)
        except (UnreachableError, TokenRejectedError):
            raise
        except RequestError as error:
            failed.append(f"{one.name}: {error}")
        else:
            localpart = user_id[1:].partition(":")[0]
            writer.writerow(map(harmless, (one.name, one.email, localpart, password)))
            target.flush()
        show(number, len(people), one.name)
    return failed


def _say_given(given: _Given, output: Path) -> None:
    count = "1 password" if given.done == 1 else f"{given.done} passwords"
    if given.done:
        say(f"{count} set. {output} holds them, and only you can read it: delete it once they are handed out.")
    elif not given.failed:
        say("No password was set, and no file was written.")
    if given.signed_in:
        say(f"Left alone, because they are signed in (--signed-in includes them): {', '.join(given.signed_in)}.")
    if given.signs_on:
        say(f"Left out, because they have single sign-on: {', '.join(given.signs_on)}.")
    if given.no_account:
        say(f"No account yet, which `firm-bridge sync` or the running bridge makes: {', '.join(given.no_account)}.")
    if given.failed:
        raise Stop(Exit.INCOMPLETE, "\n".join(["These passwords could not be set:", *given.failed]))


async def _user_ids(service: FirmService) -> dict[str, str]:
    from bridge.store.rooms.accounts import all_accounts

    accounts = await service.store.read(all_accounts)
    server = service.settings.homeserver.server_name
    return {staff_id: f"@{account.localpart}:{server}" for staff_id, account in accounts.items()}


def _new_password() -> str:
    """Four groups of four characters that are easy to type: 80 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def _ask_password(name: str) -> str:
    return str(typer.prompt(f"New password for {name}", hide_input=True, confirmation_prompt=True))
