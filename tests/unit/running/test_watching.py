"""The alarms, their pages and the dashboard, which are made from one table each."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from bridge.docs.pages import metrics_page
from bridge.docs.watching import ALARMS, alerts_yaml, dashboard

ROOT = Path(__file__).parents[3]
METRICS = frozenset(re.findall(r"^\| `(firm_bridge_\w+)`", metrics_page(), re.MULTILINE))


def test_each_alarm_names_its_page_which_says_what_to_do() -> None:
    rules = yaml.safe_load(alerts_yaml())["groups"][0]["rules"]
    for rule in rules:
        page = (ROOT / rule["annotations"]["runbook"]).read_text()
        assert f"# {rule['alert']}\n" in page
        assert "\n1. " in page
    assert {page.stem for page in (ROOT / "docs" / "runbooks").glob("*.md")} == {rule["alert"] for rule in rules}


def test_each_alarm_is_about_what_the_bridge_counts() -> None:
    for alarm in ALARMS:
        assert set(re.findall(r"firm_bridge_\w+", alarm.expr)) <= METRICS


def test_the_dashboard_shows_every_metric() -> None:
    drawn = " ".join(panel["targets"][0]["expr"] for panel in json.loads(dashboard())["panels"])
    shown = {name.removesuffix("_bucket") for name in re.findall(r"firm_bridge_\w+", drawn)}
    assert shown == METRICS


def test_prometheus_takes_the_rules_and_what_the_dashboard_asks(tmp_path: Path) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not here; Debian's package prometheus has it")
    asked = [panel["targets"][0]["expr"] for panel in json.loads(dashboard())["panels"]]
    recorded = {"groups": [{"name": "dashboard", "rules": [{"record": "drawn", "expr": one} for one in asked]}]}
    (tmp_path / "alerts.yaml").write_text(alerts_yaml())
    (tmp_path / "dashboard.yaml").write_text(yaml.safe_dump(recorded))
    for name in ("alerts.yaml", "dashboard.yaml"):
        checked = subprocess.run([promtool, "check", "rules", name], cwd=tmp_path, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr
