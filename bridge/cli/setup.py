"""Commands for setting the bridge up: init, registration, check."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import AsJson, Config, print_json, read_settings, say, wait_for
from bridge.cli.spreadsheet import not_written
from bridge.configuration import configuration_path, load_settings, parse_settings
from bridge.registration import registration_yaml
from bridge.sample import GUARD_KEY, SECRETS, configuration_yaml

if TYPE_CHECKING:
    from bridge.check import Finding
    from bridge.check.deep import Discrepancy
    from bridge.service import FirmService

REGISTRATION = "registration.yaml"
_NEXT = """\
Wrote {config} and {registration}, which only you can read.

Next:
 1. Look through {config}.
 2. Let Synapse read {registration}: name it in homeserver.yaml under app_service_config_files, and restart Synapse.
 3. Run `firm-bridge check --config {config}`: it says what is missing, and how to put it right.
"""

_CODES = {
    "directory": Exit.DIRECTORY,
    "database": Exit.DATABASE,
    "directory change": Exit.HELD,
    "homeserver": Exit.UNREACHABLE,
    "as_token": Exit.TOKEN_REJECTED,
}


def init(
    config: Config = None,
    server_name: Annotated[
        str | None, typer.Option(help="What stands after the colon in everybody's Matrix id. Default: localhost.")
    ] = None,
    homeserver_url: Annotated[
        str | None, typer.Option(help="Where the bridge reaches Synapse. Default: http://127.0.0.1:8008.")
    ] = None,
    appservice_url: Annotated[
        str | None, typer.Option(help="Where Synapse reaches the bridge. Default: http://127.0.0.1:LISTEN_PORT.")
    ] = None,
    listen_host: Annotated[str, typer.Option(help="The address the bridge listens on.")] = "127.0.0.1",
    listen_port: Annotated[int, typer.Option(help="The port the bridge listens on.", min=1, max=65535)] = 9009,
    firm_name: Annotated[str | None, typer.Option(help="The firm's name. Default: The Firm.")] = None,
    directory: Annotated[str, typer.Option(help="Where staff and matters come from.")] = "directory.yaml",
    database: Annotated[str, typer.Option(help="Where the bridge keeps its data.")] = "sqlite:///bridge.db",
) -> None:
    """Write a configuration with random secrets, and the registration for Synapse beside it.

    Asks for what is not given when it runs in a terminal. Never overwrites a file.
    """
    path = configuration_path(config)
    values = {
        "homeserver.server_name": server_name or _ask("Server name, after the colon in Matrix ids", "localhost"),
        "homeserver.url": homeserver_url or _ask("Address of Synapse", "http://127.0.0.1:8008"),
        "appservice.url": appservice_url or f"http://127.0.0.1:{listen_port}",
        "appservice.listen_host": listen_host,
        "appservice.listen_port": listen_port,
        "firm.name": firm_name or _ask("Name of the firm", "The Firm"),
        "directory.path": directory,
        "database.url": database,
    }
    files = new_files(path, values)
    write_private(files)
    say(_NEXT.format(config=path, registration=path.with_name(REGISTRATION)).rstrip())


def new_files(path: Path, values: Mapping[str, Any]) -> dict[Path, str]:
    """A configuration for `path` with these values and fresh secrets, and its registration. Raises ConfigError."""
    text = configuration_yaml({**values, **{key: secrets.token_hex(32) for key in (*SECRETS, GUARD_KEY)}})
    return {path: text, path.with_name(REGISTRATION): registration_yaml(parse_settings(text, path))}


def write_private(files: Mapping[Path, str]) -> None:
    """Write files that only their owner can read; all or none. Raises Stop where one exists."""
    for path in files:
        if path.exists() or path.is_symlink():
            raise Stop(Exit.EXISTS, f"{path} exists already and was left as it is. Name another with --config.")
    written: list[Path] = []
    try:
        for path, text in files.items():
            _write_new(path, text)
            written.append(path)
    except OSError as error:
        for path in written:
            path.unlink()
        code = Exit.EXISTS if isinstance(error, FileExistsError) else Exit.CONFIGURATION
        raise Stop(code, f"{not_written(Path(error.filename), error)} Nothing was left behind.") from error


def _write_new(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)


def _ask(question: str, default: str) -> str:
    return str(typer.prompt(question, default=default)) if sys.stdin.isatty() else default


def show_registration(config: Config = None) -> None:
    """Print the registration for Synapse. It contains secrets."""
    say(registration_yaml(load_settings(config)).rstrip())


def check(
    config: Config = None,
    as_json: AsJson = False,
    deep: Annotated[
        bool, typer.Option("--deep", help="Also compare every room and account with the database and the directory.")
    ] = False,
) -> None:
    """Look at everything the bridge needs, and say what is missing and how to put it right.

    Asks the homeserver as the bridge and as a user without rights. What it makes for that it takes away again.
    """
    from bridge.check import Verdict, examine
    from bridge.cli.tables import print_differences, print_findings, waiting

    path = configuration_path(config)
    settings = read_settings(path)

    async def collect() -> list[Finding]:
        return [finding async for finding in examine(settings, path)]

    with waiting("Looking"):
        findings = wait_for(collect())
    missing = [finding.name for finding in findings if finding.state is Verdict.MISSING]
    in_the_way = (_CODES.keys() - {"directory change"}) & set(missing)
    differences = _compare(config, findings) if deep and not in_the_way else None
    if as_json:
        found = [finding.as_json() for finding in findings]
        print_json({"findings": found, "differences": [one.as_json() for one in differences or ()]} if deep else found)
    else:
        print_findings(findings)
        if deep:
            print_differences(differences)
    if differences:
        raise typer.Exit(Exit.DIFFERENT)
    if missing:
        raise typer.Exit(next((_CODES[name] for name in missing if name in _CODES), Exit.SOMETHING_MISSING))


def _compare(config: Path | None, findings: list[Finding]) -> list[Discrepancy]:
    from bridge.check import deep
    from bridge.cli.firm import with_firm
    from bridge.cli.tables import progress_bar

    async def work(service: FirmService) -> list[Discrepancy]:
        with progress_bar("Comparing") as show:
            return await deep.compare(service, findings, show)

    return with_firm(config, work)
