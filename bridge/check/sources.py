"""Whether the sources of the directory can be read, and what they still lack."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from zoneinfo import ZoneInfo

from bridge.check.finding import Finding, Verdict
from bridge.clock import now_ms
from bridge.directory.clio.api import ClioApi
from bridge.directory.problems import DirectoryError, quoted
from bridge.directory.smokeball.api import SmokeballApi
from bridge.directory.smokeball.doubts import doubts_of
from bridge.directory.smokeball.mirror import MIRROR, mirror_of
from bridge.directory.smokeball.policies import any_policy
from bridge.directory.sources.cleaning import unaddressed
from bridge.directory.sources.keeping import records_of, unpacked
from bridge.directory.sources.known import sources_of
from bridge.directory.sources.port import FILES, SOURCE_NAMES, SourceError
from bridge.directory.sources.union import Sources
from bridge.firm.model import Firm
from bridge.settings import ClioSettings, Settings, SmokeballSettings
from bridge.store.engine.errors import StoreError
from bridge.store.engine.migrating import pending_migrations
from bridge.store.engine.store import Store
from bridge.store.people.tokens import tokens
from bridge.wording.directory import source_line

_ASK = "See docs/admin-guide.md, Smokeball."
_ASK_CLIO = "See docs/admin-guide.md, Clio."
_ASK_SCIM = "See docs/admin-guide.md, SCIM: Entra and Okta."


async def source_findings(settings: Settings) -> AsyncIterator[Finding]:
    """How each source stands, whether what they say goes together, and whether Smokeball lets the bridge in."""
    if tuple(settings.directory.sources) == (FILES,):
        return
    url = settings.database.url.get_secret_value()
    try:
        if await asyncio.to_thread(pending_migrations, url):
            return
        store = Store(url, reading=True)
        await store.open()
    except StoreError:
        # That is said of the database.
        return
    try:
        sources = sources_of(settings, store)
        assert sources is not None
        async for finding in said_findings(sources):
            yield finding
        if "smokeball" in settings.directory.sources:
            yield await _smokeball(settings, store)
            yield await policy_finding(settings.smokeball, store)
        if "clio" in settings.directory.sources:
            yield await clio_finding(settings.clio, store)
        if "scim" in settings.directory.sources:
            yield await scim_finding(settings, store)
    finally:
        await store.close()


async def said_findings(sources: Sources) -> AsyncIterator[Finding]:
    """How each source stands, what of it cannot be read, and whether what they say goes together."""
    for one in await sources.standings():
        remedy = "" if one.read_at is not None and not one.trouble else "Start the bridge, and see what its log says."
        verdict = Verdict.WARNING if remedy else Verdict.OK
        yield Finding(f"source {one.source}", verdict, source_line(one, now_ms()), remedy)
        for flaw in one.flaws:
            called = SOURCE_NAMES[one.source]
            what = f"{flaw.kind} {flaw.id} of {called} cannot be read, and stays as it was: {flaw.why}"
            yield Finding(f"source {one.source}", Verdict.WARNING, what, f"Put it right in {called}.")
    try:
        found = await sources.union(Firm())
    except DirectoryError as error:
        for problem in error.problems:
            yield Finding("sources", Verdict.MISSING, str(problem), "Put it right in the source that it names.")
        return
    differ = len(found.merged.disagreements)
    if differ:
        what = f"In {differ} values the sources do not agree; the owner's word holds."
        yield Finding("sources", Verdict.WARNING, what, "`!directory status` lists them. Give each an owner.")


async def _smokeball(settings: Settings, store: Store) -> Finding:
    try:
        async with SmokeballApi(settings.smokeball, store, read_only=True) as api:
            staff = await api.whole("/staff")
    except SourceError as error:
        return Finding(SOURCE_NAMES["smokeball"], Verdict.MISSING, str(error), _ASK)
    if lost := unaddressed((one["id"], one.get("email"), not one.get("former")) for one in staff):
        return _of_nobody("smokeball", lost)
    return Finding(
        SOURCE_NAMES["smokeball"], Verdict.OK, f"Smokeball lets the bridge in, and lists {len(staff)} staff."
    )


def _of_nobody(source: str, lost: list[str]) -> Finding:
    called = SOURCE_NAMES[source]
    what = (
        f"{called} lets the bridge in, but lists {len(lost)} whose e-mail address cannot be read or is another's too,"
        f" so they are nobody here: {', '.join(map(quoted, lost[:5]))}."
    )
    return Finding(called, Verdict.WARNING, what, f"Put the addresses right in {called}.")


async def policy_finding(settings: SmokeballSettings, store: Store) -> Finding:
    """Whether any deny-list was found; until one was, every matter of Smokeball's stays with its team."""
    rows = await store.read(records_of, MIRROR)
    mirror = await asyncio.to_thread(lambda: mirror_of(one.record for one in unpacked(rows) if not one.gone))
    looks = mirror.looks
    found = any_policy(looks.values(), settings.policy_reference)
    if found and (doubts := doubts_of(mirror)):
        what = " ".join(doubts)
        return Finding(
            "Smokeball's deny-lists", Verdict.WARNING, what, "Put them right in Smokeball, or ask its support."
        )
    if found or not looks:
        what = (
            "Deny-lists of matters are found in Smokeball." if found else "No matter of Smokeball's was looked at yet."
        )
        return Finding("Smokeball's deny-lists", Verdict.OK, what)
    return Finding(
        "Smokeball's deny-lists",
        Verdict.WARNING,
        f"Of {len(looks)} matters no deny-list was found in Smokeball, so each stays with its team.",
        "Compare smokeball.policy_reference. If nobody was ever denied a matter, deny somebody one and take it back.",
    )


async def clio_finding(settings: ClioSettings, store: Store) -> Finding:
    """Whether Clio lets the bridge in, and lists who is in the groups that its matter permissions name."""
    try:
        async with ClioApi(settings, store, read_only=True) as api:
            users = await api.whole("/users.json", "id,email,enabled,clio_connect")
            groups = await api.whole("/groups.json", "id,users{id}")
    except SourceError as error:
        return Finding(SOURCE_NAMES["clio"], Verdict.MISSING, str(error), _ASK_CLIO)
    people = ((one["id"], one.get("email"), one.get("enabled") is True) for one in users if not one.get("clio_connect"))
    if lost := unaddressed(people):
        return _of_nobody("clio", lost)
    said = f"Clio lets the bridge in, and lists {len(users)} users"
    if any(one.get("users") for one in groups):
        return Finding(SOURCE_NAMES["clio"], Verdict.OK, f"{said} and {len(groups)} groups.")
    what = f"{said}, but nobody in any group, so nobody is in its matters."
    return Finding(SOURCE_NAMES["clio"], Verdict.WARNING, what, "Let the bridge in as an administrator of Clio.")


async def scim_finding(settings: Settings, store: Store) -> Finding:
    """Whether anybody can push to the SCIM server, and whether somebody has."""
    if not settings.panel.url:
        what = "The SCIM server answers at the panel's address, and there is none."
        return Finding(SOURCE_NAMES["scim"], Verdict.MISSING, what, "Set panel.url.")
    may = [one for one in await store.read(tokens, now_ms()) if "scim" in one.scopes]
    address = f"{settings.panel.url.rstrip('/')}/scim/v2"
    if not may:
        what = f"No token lets anybody push staff and groups to {address}."
        return Finding(SOURCE_NAMES["scim"], Verdict.MISSING, what, _ASK_SCIM)
    if all(one.used_at is None for one in may):
        what = f"Nobody has pushed anything to {address} yet."
        return Finding(SOURCE_NAMES["scim"], Verdict.WARNING, what, _ASK_SCIM)
    until = datetime.fromtimestamp(max(one.until for one in may) / 1000, ZoneInfo(settings.firm.timezone)).date()
    return Finding(SOURCE_NAMES["scim"], Verdict.OK, f"Staff and groups can be pushed to {address} until {until}.")
