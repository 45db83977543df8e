"""`check` asks the homeserver to reach the bridge, and does not believe the first connection that fails."""

from __future__ import annotations

from bridge.check.finding import Finding, Verdict
from bridge.check.homeserver import homeserver_findings
from bridge.check.http import asker
from bridge.settings import Settings
from tests.fakes.faults import Answer
from tests.fakes.homeserver import FakeHomeserver
from tests.ports import free_port

KEPT = Answer(502, b'{"errcode": "M_CONNECTION_FAILED", "error": "AlreadyCalled: Tried to cancel an event."}')
"""What Synapse says when it tries a connection that it kept from before the bridge was restarted."""


async def ping(fake: FakeHomeserver) -> Finding:
    """What the check finds of the homeserver's way to the bridge, which does not run."""
    port = free_port()
    fake.bridge_url = f"http://127.0.0.1:{port}"
    fake.script("GET", "/versions$", Answer(200, b"{}"))
    settings = Settings(
        homeserver=fake.homeserver_settings(),
        appservice=fake.appservice_settings(listen_host="127.0.0.1", listen_port=port),
    )
    async with asker(fake.url) as asking:
        async for finding in homeserver_findings(asking, settings):
            if finding.name == "hs_token":
                return finding
    raise AssertionError("the check did not come to the ping")


async def test_a_connection_that_the_homeserver_kept_too_long_is_no_finding(fake: FakeHomeserver) -> None:
    fake.script("POST", "/ping$", KEPT, KEPT)
    found = await ping(fake)
    assert found.state is Verdict.OK
    assert found.what.endswith("has the right token. The bridge itself does not run.")


async def test_a_bridge_that_is_not_reached_at_all_is_one(fake: FakeHomeserver) -> None:
    fake.script("POST", "/ping$", *[KEPT] * 10)
    found = await ping(fake)
    assert found.state is Verdict.MISSING
    assert "does not reach the bridge" in found.what
