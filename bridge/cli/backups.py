"""Backups on the command line: made while all runs, tried before they are needed, and put back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bridge.backup.manifest import Side
from bridge.cli.exits import Exit, Stop
from bridge.cli.shell import Config, read_settings, say, wait_for
from bridge.configuration import configuration_path

if TYPE_CHECKING:
    from bridge.backup.manifest import Manifest
    from bridge.backup.restoring import OpenedBackup
    from bridge.backup.trying import Trial
    from bridge.settings import Settings

_SIDES = {Side.BRIDGE: "the bridge's database", Side.SYNAPSE: "Synapse's database"}
_NOT_IN_IT = "Not in it, so back them up as files: Synapse's media (media_store_path) and the filing cabinet."


def backup(config: Config = None) -> None:
    """Back up both databases and what else a new machine needs into one encrypted file, while all runs.

    Where, for whose key, and which database of Synapse's the settings below backup say. The configuration with its
    secrets is in it, and so are the directory's files.
    """
    from bridge.backup.making import make_backup

    path = configuration_path(config)
    settings = read_settings(path)
    made = make_backup(settings, path, datetime.now(UTC))
    names = " and ".join(_SIDES[part.side] for part in made.manifest.databases)
    files = len(made.manifest.files)
    say(f"Backed up {names}, and {files} {'file' if files == 1 else 'files'}:")
    say(f"{made.file} ({made.size / 1e6:.1f} MB)")
    say(f"SHA-256 {made.digest}")
    say(_NOT_IN_IT)
    if not settings.backup.synapse_database.get_secret_value():
        say("Synapse's database is not in it either: backup.synapse_database is empty.")


def restore(
    file: Annotated[Path, typer.Argument(help="The backup.")],
    identity: Annotated[
        Path, typer.Option("--identity", "-i", help="The file with the secret key, as `age-keygen` wrote it.")
    ],
    config: Config = None,
    trial: Annotated[
        bool,
        typer.Option("--try", help="Change nothing: look through it all, put it up elsewhere, and say what it holds."),
    ] = False,
    server: Annotated[
        str | None,
        typer.Option(
            envvar="FIRM_BRIDGE_TRIAL_SERVER",
            show_envvar=False,
            help="With --try: the URL of a PostgreSQL server on which databases may be made and dropped for it."
            " Default: $FIRM_BRIDGE_TRIAL_SERVER, where one with a password belongs: everybody on the machine sees the"
            " command line.",
        ),
    ] = None,
    unpack: Annotated[
        Path | None, typer.Option(help="Change nothing: write all that is in it into this new folder.")
    ] = None,
    only: Annotated[Side | None, typer.Option(help="Put back one database alone: bridge or synapse.")] = None,
) -> None:
    """Put the databases of a backup where the configuration has them. End the bridge and Synapse first.

    SQLite files that are replaced are kept beside the new ones. PostgreSQL's go into empty databases. For --try and
    --unpack no configuration is needed.
    """
    from bridge.backup.restoring import put_back, unpack_into
    from bridge.backup.trying import try_backup

    if trial:
        with _opened(file, identity, None) as opened:
            say(_what_it_is(opened.manifest, opened.digest))
            say(_what_it_holds(opened, try_backup(opened, server or "")))
        return
    if unpack is not None:
        with _opened(file, identity, unpack.absolute().parent) as opened:
            unpack_into(opened, unpack)
            say(_what_it_is(opened.manifest, opened.digest))
            say(f"Everything lies in {unpack}, unencrypted. Remove it when it has served.")
        return
    from bridge.backup.making import beside_database

    settings = read_settings(config)
    with _opened(file, identity, beside_database(settings)) as opened:
        sides = [part.side for part in opened.manifest.databases if only is None or part.side == only]
        wait_for(_require_ended(settings, sides))
        say(_what_it_is(opened.manifest, opened.digest))
        aside = put_back(opened, settings, sides, datetime.now(UTC))
    say(f"Put back: {' and '.join(_SIDES[side] for side in sides)}.")
    for before in aside:
        say(f"What was there before is kept as {before}.")
    say("Start Synapse, then the bridge: it sees by itself which of the two is older, and makes it right.")


@contextmanager
def _opened(file: Path, identity: Path, parent: Path | None) -> Iterator[OpenedBackup]:
    from bridge.backup.making import work_folder
    from bridge.backup.restoring import open_backup
    from bridge.backup.sealed import identities_of

    keys = identities_of(identity)
    with work_folder(parent) as work:
        yield open_backup(file, keys, work)


async def _require_ended(settings: Settings, sides: list[Side]) -> None:
    """Raises Stop where Synapse is to be put back and runs."""
    from bridge.check.http import asker

    if Side.SYNAPSE not in sides:
        return
    async with asker(settings.homeserver.url) as asking:
        reply = await asking.ask("GET", "/_matrix/client/versions")
    if reply.ok:
        raise Stop(
            Exit.RUNNING,
            f"Synapse answers at {settings.homeserver.url}, so its database is in use. End it first. Nothing was"
            " changed.",
        )


def _what_it_is(manifest: Manifest, digest: str) -> str:
    began = datetime.fromtimestamp(manifest.began_ms / 1000, UTC)
    lines = [
        f"A backup of {manifest.server_name} of {began:%Y-%m-%d %H:%M} UTC ({_ago(datetime.now(UTC) - began)}), made"
        f" by firm-bridge {manifest.release}. SHA-256 {digest}"
    ]
    lines += [f"  {kept.member}: was {kept.came_from}" for kept in manifest.files]
    if manifest.variables:
        lines.append(f"  environment: {', '.join(manifest.variables)}")
    return "\n".join(lines)


def _ago(passed: timedelta) -> str:
    hours = passed.total_seconds() / 3600
    if hours < 0:
        return "by this machine's clock in the future"
    if hours < 1:
        return f"{hours * 60:.0f} minutes ago"
    return f"{hours:.0f} hours ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _what_it_holds(opened: OpenedBackup, trial: Trial) -> str:
    lines = []
    if (synapse := trial.synapse) is not None:
        newest = "none"
        if synapse.newest_ms is not None:
            newest = f"{datetime.fromtimestamp(synapse.newest_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"
        lines.append(
            f"Synapse's database is whole: {synapse.people:,} accounts, {synapse.rooms:,} rooms, newest event {newest}."
        )
    if (bridge := trial.bridge) is not None:
        changes = f"this release makes {bridge.migrations} changes to its tables" if bridge.migrations else ""
        lines.append(
            f"The bridge's database is whole: {bridge.people:,} people, {bridge.rooms:,} rooms,"
            f" {bridge.audit.entries:,} entries of the audit log, unchanged since they were written"
            f"{'; ' if changes else ''}{changes}."
        )
    asked = {Side.BRIDGE: trial.bridge, Side.SYNAPSE: trial.synapse}
    lines += [
        f"Of {_SIDES[part.side]} it has a dump that pg_restore could read to its end. Name a server, in --server or"
        " $FIRM_BRIDGE_TRIAL_SERVER, to have it put up for a trial."
        for part in opened.manifest.databases
        if asked[part.side] is None
    ]
    if Side.SYNAPSE not in {part.side for part in opened.manifest.databases}:
        lines.append("Synapse's database is not in it.")
    return "\n".join(lines)
