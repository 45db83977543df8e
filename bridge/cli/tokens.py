"""Tokens with which systems use the API (A1)."""

from __future__ import annotations

import getpass
import secrets
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.asking import ask_bridge
from bridge.cli.exits import Exit, Stop
from bridge.cli.firm import as_owner, find_person, with_firm
from bridge.cli.shell import AsJson, Config, print_json, say

if TYPE_CHECKING:
    from pathlib import Path

    from bridge.operations.tokens import Scope
    from bridge.service import FirmService
    from bridge.settings import Settings

token = typer.Typer(help="Tokens with which systems use the API.", no_args_is_help=True)
_PREFIX = "firm-bridge-"
"""So that a token is known for one wherever it turns up."""


@token.command("new")
def new_token(
    scope: Annotated[list[str], typer.Option("--scope", help="What it lets a system ask for; repeat it for more.")],
    person: Annotated[
        str, typer.Option("--for", help="Whom it acts as: a staff id, e-mail address, name or @name.")
    ] = "",
    system: Annotated[
        str, typer.Option("--as-system", help="Or what the system is called, such as intake, where it acts as itself.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="What it is for, for whoever lists them.")] = "a system",
    days: Annotated[int, typer.Option("--days", min=1, max=3650, help="How long it works.")] = 365,
    config: Config = None,
) -> None:
    """Make a token, and print it once.

    It sees and does what the person may, within its scopes, and ends with them. They are told in their chat with the
    bot. A system that acts as itself knows the channels and the matters that are open to all and that no wall stands
    around; the firm admins are told.
    """
    from bridge.operations.tokens import NewToken, add_token, hashed

    scopes, secret = _scopes(scope), f"{_PREFIX}{secrets.token_urlsafe(32)}"
    if bool(person) is bool(system):
        raise Stop(Exit.USAGE, "Give one of --for PERSON and --as-system NAME: whom the token acts as.")
    staff_id = "" if system else person_who_works(config, person)
    if system:
        _require_system(system, scopes)
    wanted = NewToken(hashed(secret), staff_id, name, scopes, days, by_shell(), system)

    async def work(service: FirmService) -> int:
        return await add_token(service.store, service.settings, wanted)

    async def ask(settings: Settings) -> int:
        return int((await ask_bridge(settings, {"do": "add token", "token": asdict(wanted)}))["number"])

    number = as_owner(config, work, ask)
    say(secret)
    say(f"This is token {number}. It is shown this once. `firm-bridge token end {number}` ends it.")


@token.command("list")
def list_tokens(config: Config = None, as_json: AsJson = False) -> None:
    """List the tokens that work."""

    async def look(service: FirmService) -> list[dict[str, Any]]:
        from bridge.operations.tokens import tokens

        staff = service.firm.staff
        return [
            {
                "number": one.number,
                "person": one.staff_id,
                "system": one.system,
                "person_name": staff[one.staff_id].name if one.staff_id in staff else "",
                "name": one.name,
                "scopes": sorted(one.scopes),
                "made_by": one.made_by,
                "made_at": _day(one.made_at),
                "until": _day(one.until),
                "used_at": "" if one.used_at is None else _day(one.used_at),
            }
            for one in await tokens(service.store)
        ]

    found = with_firm(config, look)
    if as_json:
        print_json(found)
        return
    if not found:
        say("There are no tokens.")
        return
    from bridge.cli.tables import print_table

    rows = (
        [
            str(one["number"]),
            one["person_name"] or f"itself: {one['system']}",
            one["name"],
            " ".join(one["scopes"]),
            one["until"],
            one["used_at"] or "never",
        ]
        for one in found
    )
    print_table(("Number", "Acts as", "For", "Scopes", "Until", "Last used"), rows)


@token.command("end")
def end(
    number: Annotated[int, typer.Argument(help="From `token list`.")],
    config: Config = None,
) -> None:
    """End a token, at once."""

    async def work(service: FirmService) -> bool:
        from bridge.operations.tokens import end_token

        return await end_token(service.store, number, by_shell())

    async def ask(settings: Settings) -> bool:
        return bool((await ask_bridge(settings, {"do": "end token", "number": number, "by": by_shell()}))["ended"])

    if not as_owner(config, work, ask):
        raise Stop(Exit.NOT_FOUND, f"There is no token {number} that works. `firm-bridge token list` lists them.")
    say(f"Token {number} has ended.")


def _scopes(given: list[str]) -> tuple[Scope, ...]:
    """The scopes. Raises Stop for one that there is not."""
    from bridge.operations.tokens import Scope

    if unknown := [one for one in given if one not in set(Scope)]:
        raise Stop(Exit.USAGE, f"There is no scope {unknown[0]}. There are {', '.join(Scope)}.")
    return tuple(dict.fromkeys(Scope(one) for one in given))


def _require_system(name: str, scopes: tuple[Scope, ...]) -> None:
    """Raise Stop where no system that acts as itself can be called so or have these scopes."""
    from bridge.firm.systems import is_system_name
    from bridge.operations.tokens import OF_SYSTEMS

    if not is_system_name(name):
        raise Stop(
            Exit.USAGE, "A system is called by at most 40 small letters, digits and hyphens, such as intake-form."
        )
    if others := [one for one in scopes if one not in OF_SYSTEMS]:
        raise Stop(
            Exit.USAGE,
            f"No system has {others[0]} as itself. It can have {', '.join(sorted(OF_SYSTEMS))}; a token --for a person"
            " can have what that person may.",
        )


def person_who_works(config: Path | None, named: str) -> str:
    """The staff id of whom a system is to act or see as. Raises Stop where nobody who works here is meant."""
    from bridge.store.rooms.accounts import all_accounts

    async def look(service: FirmService) -> str:
        accounts, server = await service.store.read(all_accounts), service.settings.homeserver.server_name
        user_ids = {staff_id: f"@{one.localpart}:{server}" for staff_id, one in accounts.items()}
        found = find_person(service.firm, user_ids, named)
        if not found.active:
            raise Stop(Exit.NOT_FOUND, f"{found.name} has left the firm. Name somebody who works here.")
        return found.id

    return with_firm(config, look)


def by_shell() -> str:
    """Who runs this, for the audit log."""
    return f"{getpass.getuser()} on the command line"


def _day(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).date().isoformat()
