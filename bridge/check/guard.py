"""Whether the guard is in force, with the bridge's key and with what the bridge knows."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

from bridge import __version__
from bridge.check.finding import Finding, Verdict
from bridge.check.http import Asker, Reply
from bridge.clock import now_ms
from bridge.directory.in_force import InForce
from bridge.directory.keeping import read_firm
from bridge.directory.records import StoredDirectoryError
from bridge.firm.facts import digest_of
from bridge.guard.protocol import FORM, PATH, form_of, other_release, sign_question
from bridge.reconcile.guard_processes import GuardProcess, GuardStanding, read_processes, trouble_with
from bridge.reconcile.guarding import facts_of, stored_facts
from bridge.settings import Settings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.migrating import pending_migrations
from bridge.store.engine.store import Store

LINES = """\
modules:
  - module: bridge.guard.module.Guard
    config:
      bot: "{bot}"
      checker: "{checker}"
      key: (the guard.key of the bridge's configuration)
      path: /var/lib/matrix-synapse/firm-policy"""
"""What homeserver.yaml needs for the guard."""
_LATE_MS = 900_000
"""So long a refusal may wait with the guard: the bridge asks every few seconds."""
_PACKAGE = Path(__file__).resolve().parents[2] / "packaging" / "guard"
_INSTALL = (
    "Install it into the environment that Synapse runs in (docs/admin-guide.md, The guard), with the pip of that"
    " environment, which is /opt/venvs/matrix-synapse/bin/pip for the packages of matrix.org:\n"
    f"sudo /opt/venvs/matrix-synapse/bin/pip install {_PACKAGE if _PACKAGE.is_dir() else 'GUARD'}\n"
    "GUARD is the folder packaging/guard in the source that the bridge was installed from, or the wheel"
    " firm_bridge_guard-VERSION-py3-none-any.whl. Then in homeserver.yaml, and restart Synapse:\n"
)


async def guard_findings(asking: Asker, settings: Settings) -> list[Finding]:
    """What there is to say about the guard, then about the one in each worker of Synapse."""
    if not settings.guarded:
        return [judge_guard(Reply(0), None, settings)]
    reply = await asking.ask("GET", PATH, signature=sign_question(settings.guard.key.get_secret_value()))
    return [judge_guard(reply, await _bridges_digest(settings), settings), *judge_processes(reply)]


def judge_processes(reply: Reply) -> list[Finding]:
    """What the guard's answer means for the workers of Synapse. Pure."""
    if not reply.ok:
        return []
    return [_of_process(one, int(reply.body.get("version", 0))) for one in read_processes(reply.body)]


def _of_process(process: GuardProcess, version: int) -> Finding:
    name = f"guard in {process.name}"
    if process.standing is GuardStanding.HERE:
        late = "" if process.version == version else ", and is about to take the newest policy"
        return Finding(name, Verdict.OK, f"In force{late}.")
    return Finding(
        name,
        Verdict.MISSING,
        trouble_with([process]),
        "Start the worker with the same homeserver.yaml as the main process, which loads the guard, and look into its"
        " log. If it does not run any more on purpose, take it out of instance_map and restart Synapse's main process"
        " (docs/admin-guide.md, Synapse with workers).",
    )


def judge_guard(reply: Reply, digest: str | None, settings: Settings) -> Finding:
    """What the guard's answer means, given the digest of what the bridge knows, None where it knows nothing. Pure."""
    lines = LINES.format(bot=settings.bot_id, checker=settings.checker_id)
    if not settings.guarded:
        what = (
            "Not installed. Server admins and mistakes can put people where they must not be, until the bridge takes"
            " them out; and staff cannot invite colleagues in their clients."
        )
        return Finding("guard", Verdict.WARNING, what, f"Put a random value into guard.key. {_INSTALL}{lines}")
    if reply.status == 403:
        what = "The guard has another key than guard.key, so it takes nothing from the bridge."
        return Finding("guard", Verdict.MISSING, what, "Put the same key into homeserver.yaml, and restart Synapse.")
    if not reply.ok:
        what = f"guard.key is set, but no guard is in force, so the bridge does nothing: {reply.error}"
        return Finding(
            "guard", Verdict.MISSING, what, f"{_INSTALL}{lines}\nOr take guard.key out of the configuration."
        )
    release = str(reply.body.get("release", "another release"))
    if form_of(reply.body) != FORM:
        return Finding("guard", Verdict.MISSING, other_release(release, __version__), f"{_INSTALL}{lines}")
    if not reply.body.get("version"):
        what = "In force, but it has not been told who may be where, so nobody comes into any room."
        return Finding("guard", Verdict.WARNING, what, "Start the bridge; if it runs already, look into its log.")
    if digest is not None and reply.body.get("digest") != digest:
        what = "In force, but what it knows is not what the bridge knows."
        return Finding("guard", Verdict.WARNING, what, "Start the bridge; if it runs already, look into its log.")
    oldest_ms = int(reply.body.get("oldest_ms", 0))
    if oldest_ms and now_ms() - oldest_ms > _LATE_MS:
        what = (
            f"In force, and up to date. It holds {reply.body.get('waiting', 0)} refusals, the oldest since"
            f" {datetime.fromtimestamp(oldest_ms / 1000, UTC):%Y-%m-%d %H:%M} UTC, that are not in the audit log yet."
        )
        return Finding("guard", Verdict.WARNING, what, "Start the bridge; if it runs already, look into its log.")
    if release != __version__:
        what = f"In force, but of firm-bridge {release}, and this is {__version__}. They still understand each other."
        return Finding("guard", Verdict.WARNING, what, f"{_INSTALL}{lines}")
    refused = sum(reply.body.get("refused", {}).values())
    return Finding(
        "guard", Verdict.OK, f"In force, and up to date. It has refused {refused} times since Synapse started."
    )


async def _bridges_digest(settings: Settings) -> str | None:
    url = settings.database.url.get_secret_value()
    if url.startswith("sqlite:///") and not await asyncio.to_thread(Path(url.removeprefix("sqlite:///")).exists):
        return None
    try:
        if await asyncio.to_thread(pending_migrations, url):
            return None
        store = Store(url, reading=True)
        await store.open()
        try:
            in_force = InForce(store)
            await in_force.load()
            firm = in_force.over(await read_firm(store))
            accounts, conversations = await stored_facts(store)
        finally:
            await store.close()
    except (StoreError, StoredDirectoryError):
        # The database has a finding of its own that says what is wrong with it.
        return None
    return digest_of(facts_of(firm, accounts, conversations, settings))
