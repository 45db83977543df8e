"""All that scim2-tester and scim-sanity, as Entra, check of a SCIM server."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from scim2_client.engines.wsgi import WSGISCIMClient
from scim2_tester import Status, check_server

from bridge.web.bearer import SCIM_PATH
from tests.component.scim.harness import Client, scim_firm


def reaching(client: Client, loop: asyncio.AbstractEventLoop) -> Any:
    """The server as a WSGI application, which is called from another thread."""

    async def ask(method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        async with client.api.client.request(method, path, data=body or None, headers=headers) as answer:
            return answer.status, dict(answer.headers), await answer.read()

    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        query = environ.get("QUERY_STRING", "")
        path = SCIM_PATH + quote(environ["PATH_INFO"]) + (f"?{query}" if query else "")
        headers = {
            key.removeprefix("HTTP_").replace("_", "-").title(): value
            for key, value in environ.items()
            if key.startswith("HTTP_") and key != "HTTP_HOST"
        }
        headers |= {"Authorization": f"Bearer {client.token}", "Content-Type": environ.get("CONTENT_TYPE", "")}
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        asked = asyncio.run_coroutine_threadsafe(ask(environ["REQUEST_METHOD"], path, body, headers), loop)
        status, answered, raw = asked.result()
        kept = {"content-type", "location", "etag", "allow", "www-authenticate"}
        said = [(name.lower(), value) for name, value in answered.items() if name.lower() in kept]
        start_response(f"{status} {HTTPStatus(status).phrase}", said)
        return [raw]

    return app


@pytest.mark.skipif("PRISM_URL" not in os.environ, reason="takes long: make sources")
async def test_every_check_of_scim2_tester_passes(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        tested = WSGISCIMClient(reaching(client, asyncio.get_running_loop()))
        results = await asyncio.to_thread(check_server, tested)
        failed = [(one.title, one.reason) for one in results if one.status in {Status.ERROR, Status.CRITICAL}]
        assert not failed
        assert sum(one.status is Status.SUCCESS for one in results) > 50


@pytest.mark.skipif("PRISM_URL" not in os.environ, reason="takes long: make sources")
async def test_scim_sanity_finds_no_failure_with_the_profile_of_entra(tmp_path: Path, database_url: str) -> None:
    async with scim_firm(tmp_path, database_url) as client:
        # Its requests name the server that is tried, and not the panel's public address.
        url = str(client.api.client.make_url(SCIM_PATH))
        probe = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "scim_sanity.cli", "probe", url, "--token", client.token),
            *("--profile", "entra", "--user-domain", "firm.example", "--i-accept-side-effects"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        said, _ = await probe.communicate()
        assert probe.returncode == 0, said.decode()
        assert b"passed" in said
