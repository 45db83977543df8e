"""What the check prints, and the code it ends with."""

from __future__ import annotations

import json
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from bridge.check import Finding, Verdict
from bridge.check.deep import Aspect, Discrepancy
from bridge.cli.exits import Exit
from tests.unit.cli.fake_firm import FakeFirm, Run


def test_check_ends_with_the_code_of_the_first_thing_missing(run: Run, firm: FakeFirm, tmp_path: Path) -> None:
    code, out, _ = run("check")
    assert code == Exit.DIRECTORY
    assert "directory.yaml" in out
    (tmp_path / "directory.yaml").write_text(
        "staff:\n  - {id: a, first_name: A, last_name: B, email: a@firm.example}\nmatters: []\n"
    )
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        config = tmp_path / "firm-bridge.yaml"
        config.write_text(config.read_text().replace("127.0.0.1:8008", f"127.0.0.1:{port}"))
        code, out, _ = run("check", "--json")
    assert code == Exit.UNREACHABLE
    findings = {finding["name"]: finding for finding in json.loads(out)}
    assert findings["directory"]["state"] == "ok"
    assert findings["homeserver"]["state"] == "missing"
    assert "homeserver.url" in findings["homeserver"]["remedy"]


def deep(run: Run, monkeypatch: pytest.MonkeyPatch, *found: Discrepancy, state: Verdict = Verdict.OK) -> Run:
    """`check --deep` of a firm in which these differences are found."""

    async def examine(*_: object) -> AsyncIterator[Finding]:
        yield Finding("homeserver", state, "It answers.")

    async def compare(
        _service: object, findings: list[Finding], on_progress: Callable[[int, int, str], None]
    ) -> list[Discrepancy]:
        assert [finding.name for finding in findings] == ["homeserver"]
        on_progress(1, 1, "everything")
        return list(found)

    monkeypatch.setattr("bridge.check.examine", examine)
    monkeypatch.setattr("bridge.check.deep.compare", compare)
    return lambda *arguments: run("check", "--deep", *arguments)


DIFFERS = Discrepancy(Aspect.MEMBER, "Everyone", "Tom is in it, and should not be.", "!r", "@tom:firm.example")


def test_O3_a_deep_check_prints_differences_and_has_a_code_of_its_own(
    run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    checking = deep(run, monkeypatch, DIFFERS)
    code, out, _ = checking()
    assert code == Exit.DIFFERENT
    assert "Everyone" in out
    assert "1 difference between Matrix" in out
    code, out, _ = checking("--json")
    printed = json.loads(out)
    assert code == Exit.DIFFERENT
    assert printed["findings"][0]["name"] == "homeserver"
    assert printed["differences"] == [
        {
            "kind": "member",
            "where": "Everyone",
            "what": "Tom is in it, and should not be.",
            "room_id": "!r",
            "user_id": "@tom:firm.example",
        }
    ]


def test_a_deep_check_without_differences_ends_well(run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch) -> None:
    code, out, _ = deep(run, monkeypatch)()
    assert code == Exit.OK
    assert "No difference between Matrix" in out


def test_nothing_is_compared_where_the_homeserver_is_away(
    run: Run, firm: FakeFirm, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = deep(run, monkeypatch, DIFFERS, state=Verdict.MISSING)()
    assert code == Exit.UNREACHABLE
    assert "Nothing was compared." in out
