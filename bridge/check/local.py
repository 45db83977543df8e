"""What can be looked at without the homeserver: the configuration's file, the directory, the database."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import AsyncIterator, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from bridge.backup.newest import ANSWER_SECONDS, newest_in, newest_of
from bridge.check.finding import Finding, Verdict
from bridge.directory.forms.sheet_form import form_of
from bridge.directory.keeping import anything_waits
from bridge.directory.problems import DirectoryError
from bridge.directory.read import read_directory
from bridge.directory.sources.port import FILES
from bridge.filing.cabinet import CabinetError, cabinet_of
from bridge.filing.kinds import trusts_any_server
from bridge.firm.model import Firm
from bridge.firm.policy import may_administer
from bridge.mapping.ids import assign_localparts
from bridge.settings import Settings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.migrating import pending_migrations
from bridge.store.engine.processes import Process
from bridge.store.engine.store import Store
from bridge.store.queues import inbox, outbox
from bridge.store.rooms.accounts import all_accounts
from bridge.store.rooms.made import rooms_of
from bridge.threads import Threads


def configuration_findings(settings: Settings, config: Path) -> Iterator[Finding]:
    mode = stat.S_IMODE(config.stat().st_mode)
    if mode & 0o077:
        what = f"{config} contains secrets, and others than its owner have rights to it (mode {mode:04o})."
        yield Finding("configuration", Verdict.WARNING, what, f"chmod 600 {config}")
    else:
        yield Finding("configuration", Verdict.OK, f"{config} can be used, and only its owner can read it.")
    addresses = {"homeserver.url": settings.homeserver.url, "appservice.url": settings.appservice.url}
    for key, url in {**addresses, "mas.url": settings.mas.url}.items():
        parts = urlsplit(url)
        if parts.scheme == "http" and parts.hostname not in {"localhost", "127.0.0.1", "::1"}:
            yield Finding(
                key,
                Verdict.WARNING,
                f"{url} is not encrypted: tokens and messages cross the network in the clear.",
                "Use an https:// address, or a network that only the homeserver and the bridge share.",
            )


def directory_findings(settings: Settings) -> tuple[Firm | None, list[Finding]]:
    path, roles = Path(settings.directory.path), frozenset(settings.firm.admin_roles)
    if tuple(settings.directory.sources) != (FILES,):
        # Only together with the others do they describe a firm.
        return None, []
    try:
        firm = read_directory(path, form=form_of(settings.directory))
    except DirectoryError as error:
        remedy = "Correct the file. Until then the firm stays as it was last accepted. docs/directory.md explains it."
        return None, [Finding("directory", Verdict.MISSING, str(problem), remedy) for problem in error.problems]
    matters = "1 matter" if len(firm.matters) == 1 else f"{len(firm.matters)} matters"
    what = f"{path} describes {len(firm.active_staff)} active staff and {matters}."
    found = [Finding("directory", Verdict.OK, what)]
    if firm.active_staff and not any(may_administer(firm, staff_id, roles) for staff_id in firm.active_staff):
        found.append(_nobody_administers(firm, roles))
    return firm, found


def _nobody_administers(firm: Firm, roles: frozenset[str]) -> Finding:
    held = sorted({firm.staff[staff_id].role for staff_id in firm.active_staff} - {""})
    what = (
        f"Nobody who is active has a role of firm.admin_roles ({', '.join(sorted(roles))}), so nobody can confirm a"
        " change of the directory, set a wall or read the audit log."
    )
    return Finding(
        "firm.admin_roles", Verdict.MISSING, what, f"The directory's roles are: {', '.join(held) or 'none'}."
    )


async def database_findings(settings: Settings, firm: Firm | None) -> AsyncIterator[Finding]:
    url = settings.database.url.get_secret_value()
    file = Path(url.removeprefix("sqlite:///"))
    if url.startswith("sqlite:///") and (missing := _missing_file(file)):
        yield missing
        return
    try:
        lacking = await asyncio.to_thread(pending_migrations, url)
        if lacking:
            what = f"The database opens. The next start of the bridge brings its tables up to date ({lacking} changes)."
            yield Finding("database", Verdict.OK, what)
            return
        async for finding in _stored(url, settings, firm):
            yield finding
    except StoreError as error:
        yield Finding("database", Verdict.MISSING, str(error), "Compare database.url with the database.")


async def backup_findings(settings: Settings, now: datetime, seconds: float = ANSWER_SECONDS) -> AsyncIterator[Finding]:
    """How old the newest backup is; nothing where backups are made by something else (backup.folder)."""
    folder = settings.backup.folder
    if not folder:
        return
    try:
        found = await Threads().run(lambda: newest_in(folder), seconds)
    except TimeoutError:
        what = f"{folder} did not say within {seconds:.0f} seconds what is in it."
        yield Finding(
            "backup", Verdict.WARNING, what, "Look whether that disk or share answers (ls), and mount it anew."
        )
        return
    newest = newest_of(found, settings.backup, now)
    remedy = "`firm-bridge backup` makes one and says what is in the way (docs/admin-guide.md, Backup)."
    if newest.file is None:
        what = f"There is no backup in {folder}."
        yield Finding("backup", Verdict.WARNING, what, remedy)
        return
    what = f"The newest backup is {newest.age_seconds / 3600:.0f} hours old: {newest.file}."
    if newest.late:
        yield Finding("backup", Verdict.WARNING, f"{what} backup.alarm_hours is {settings.backup.alarm_hours}.", remedy)
    else:
        yield Finding("backup", Verdict.OK, what)


async def cabinet_findings(settings: Settings) -> AsyncIterator[Finding]:
    if settings.filing.mode == "off":
        return
    cabinet = cabinet_of(settings)
    try:
        await cabinet.in_time(cabinet.try_out)
    except CabinetError as error:
        remedy = "Compare filing.url and filing.options with the place (docs/admin-guide.md, The filing cabinet)."
        yield Finding("filing cabinet", Verdict.MISSING, str(error), remedy)
    else:
        yield Finding("filing cabinet", Verdict.OK, "A file can be written in the filing cabinet, read and deleted.")
    if trusts_any_server(settings.filing.url.get_secret_value(), settings.filing.backend_options):
        what = "The filing cabinet's SFTP server is not compared with anything: another could take its place."
        yield Finding("filing cabinet", Verdict.WARNING, what, 'Give "known_hosts": "PATH" in filing.options.')


def _owner_finding(owner: str, processes: Iterable[Process]) -> Finding:
    """Which process has the database, so that a second bridge is seen (an old container, another machine)."""
    if owner:
        others = ", ".join(sorted(str(one) for one in processes if not one.owns))
        what = f"One process works with the database: {owner}." + (f" Standing by: {others}." if others else "")
        return Finding("database owner", Verdict.OK, what)
    return Finding("database owner", Verdict.OK, "No bridge works with the database at the moment.")


def _missing_file(file: Path) -> Finding | None:
    if file.exists():
        return None
    if file.parent.is_dir():
        return Finding("database", Verdict.OK, f"{file} is not there yet; the first start of the bridge makes it.")
    what = f"There is no folder {file.parent} for the database."
    return Finding("database", Verdict.MISSING, what, f"mkdir -p {file.parent}")


async def _stored(url: str, settings: Settings, firm: Firm | None) -> AsyncIterator[Finding]:
    store = Store(url, reading=True)
    await store.open()
    try:
        owner, processes = await store.owner(), await store.processes()
        accounts, rooms = await store.read(lambda unit: (all_accounts(unit), rooms_of(unit, None)))
        held = await store.read(anything_waits)
        dead = await store.read(lambda unit: len(inbox.dead_letters(unit)) + len(outbox.dead_letters(unit)))
    finally:
        await store.close()
    yield Finding("database", Verdict.OK, f"The database opens and is up to date; it knows {len(rooms)} rooms.")
    yield _owner_finding(owner, processes)
    if held:
        what = (
            "A change of the directory would take away so much, or let in so many, that it waits for a firm admin."
            " Until then nobody is let in by it, and where it is about who left, nobody is shut out either."
        )
        remedy = (
            "`firm-bridge directory status` shows it, and `firm-bridge directory confirm` lets it through. If it is a"
            " mistake, put the files right."
        )
        yield Finding("directory change", Verdict.MISSING, what, remedy)
    if dead:
        what = f"{dead} events or messages failed for the last time."
        yield Finding("dead letters", Verdict.WARNING, what, "firm-bridge dead-letters list")
    if firm is not None:
        given = {staff_id: account.localpart for staff_id, account in accounts.items()}
        own = (settings.appservice.bot_localpart, settings.appservice.sender_localpart)
        _, problems = assign_localparts(firm, given, settings.accounts.localpart_template, own)
        for problem in problems:
            yield Finding("accounts", Verdict.MISSING, problem.message, "Set `localpart` for this person there.")
