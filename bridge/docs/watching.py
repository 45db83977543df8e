"""What is watched: the alarms for Prometheus, a page for each that says what to do, and the dashboard for Grafana."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import yaml
from prometheus_client import CollectorRegistry, Metric

from bridge.metrics import Metrics


@dataclass(frozen=True)
class Alarm:
    """An alarm, and what whoever is woken by it needs."""

    name: str
    expr: str
    """In Prometheus's language."""
    lasting: str
    """How long it must be so first; empty for at once."""
    severity: str
    summary: str
    means: str
    """What people notice, and what is not done meanwhile."""
    steps: tuple[str, ...]

    @property
    def page(self) -> str:
        """The file name of its page in docs/runbooks."""
        return f"{self.name}.md"


ALARMS = (
    Alarm(
        "FirmBridgeDown",
        'max by (job) (up{job="firm-bridge"}) == 0',
        "5m",
        "critical",
        "No process of the bridge answers. Who leaves or is walled off is not shut out meanwhile.",
        "Conversations go on, and the guard keeps out whoever it kept out before. Nobody who leaves or is walled off"
        " since then is shut out, and the bot answers nobody.",
        (
            "`systemctl status firm-bridge`: it starts again by itself, unless it says why it cannot.",
            "The end of its log names what is wrong; its exit code is explained in [cli.md](../cli.md#exit-codes).",
            "`firm-bridge check --config …` tries the configuration, the database and the homeserver one by one.",
            "Once it runs, nothing was lost: Synapse delivers what it kept, and the bridge shuts out first.",
        ),
    ),
    Alarm(
        "FirmBridgeStandsAlone",
        "sum(firm_bridge_standing_by) == 0 and max_over_time(sum(firm_bridge_standing_by)[1d:5m]) > 0",
        "10m",
        "warning",
        "No process of the bridge stands by any more. Were the one at work to end, nobody would take its place.",
        "Nobody notices anything, as long as the one at work goes on.",
        (
            "`firm-bridge check`, or `processes` in `/health/ready`, names the one at work and those that stand by.",
            "Look at the log of the one that is missing: it starts again by itself, unless it says why it cannot.",
            "One that runs and is not named uses another database, another schema of it, or another database user:"
            " compare `database.url`.",
            "Where it was taken away for good, the alarm is silent after a day.",
        ),
    ),
    Alarm(
        "FirmBridgeDirectoryBroken",
        "firm_bridge_directory_problems > 0",
        "1m",
        "warning",
        "The directory's files cannot be used. `firm-bridge check` lists what to correct.",
        "The firm stays as it was, so nobody who left by the files is shut out.",
        (
            "`firm-bridge directory status` names each line that is wrong, and what to write.",
            "Correct the files. The bridge reads them again by itself within seconds, and the admins' room says so.",
        ),
    ),
    Alarm(
        "FirmBridgeDirectoryHeld",
        "firm_bridge_directory_held > 0",
        "1m",
        "warning",
        "A change of the directory waits for a firm admin. See `firm-bridge directory status`.",
        "The change is unusually large. If it takes away too much or was taken back, nothing of the directory is taken"
        " over until it is confirmed; if it only lets in too many people, everything else was taken over at once.",
        (
            "`firm-bridge directory status` shows what would change, and who would lose what.",
            "If it is meant, a firm admin confirms it by the bot or in the panel, or you by"
            " `firm-bridge directory confirm`.",
            "If it is not, put the files right, and the change is gone.",
        ),
    ),
    Alarm(
        "FirmBridgeNotReconciled",
        "firm_bridge_not_reconciled > 0",
        "2h",
        "warning",
        "Accounts or rooms are not as they should be. The bridge's log says why.",
        "Each is tried again by itself, at least once an hour. The rest of the firm goes on.",
        (
            "`curl http://127.0.0.1:9009/health/ready` names each room that is tried again, and why.",
            "`firm-bridge plan` shows every step that is still to be taken.",
            "A room that the homeserver refuses to change is often one that a server admin changed:"
            " [what is put back](../admin-guide.md#what-somebody-changes-behind-the-bridges-back).",
        ),
    ),
    Alarm(
        "FirmBridgeDeadLetters",
        "increase(firm_bridge_events_dead_total[1h]) + increase(firm_bridge_messages_dead_total[1h]) > 0",
        "",
        "warning",
        "Something failed for the last time. `firm-bridge dead-letters list` lists it.",
        "A command was not answered, a change was not noted, or a message of the bot's was not sent.",
        (
            "`firm-bridge dead-letters list` says what failed, and with what error.",
            "Put right what the error names.",
            "`firm-bridge dead-letters replay` lets all be tried again; each still happens once.",
        ),
    ),
    Alarm(
        "FirmBridgeFullCheckLate",
        "firm_bridge_drift_finished_timestamp_seconds > 0"
        " and time() - firm_bridge_drift_finished_timestamp_seconds > 172800",
        "",
        "warning",
        "No full check of the rooms was finished for two days. The bridge's log says why.",
        "What a server admin changes is still put back at once; what was missed is not found.",
        (
            "Look for `drift` in the bridge's log: the check goes on where it was interrupted.",
            "`firm_bridge_drift_rooms_total` that grows says that it runs; `drift.rooms_per_second` says how fast.",
            "`firm-bridge check --deep` compares every room at once.",
        ),
    ),
    Alarm(
        "FirmBridgeInboxGrows",
        "firm_bridge_inbox_waiting > 1000",
        "10m",
        "warning",
        "Events wait for minutes to be handled. People wait for answers.",
        "Nothing is lost: Synapse keeps what the bridge does not take, and the bridge what it took.",
        (
            "Compare `firm_bridge_homeserver_request_seconds`: a slow homeserver is the usual reason.",
            "Look for `request_repeated` in the bridge's log, which names what the homeserver answers.",
            "After a long outage it shrinks by itself.",
        ),
    ),
    Alarm(
        "FirmBridgeRefusalsWait",
        "firm_bridge_refusals_oldest_seconds > 300",
        "10m",
        "warning",
        "What the guard refused does not reach the audit log.",
        "The guard keeps its refusals and goes on refusing. The audit log lacks them until they are fetched.",
        (
            "`firm-bridge check` says whether the guard answers, and of which version it is.",
            "Look at the free space of the disk that the guard writes to.",
        ),
    ),
    Alarm(
        "FirmBridgeBackupLate",
        "firm_bridge_backup_late > 0",
        "30m",
        "warning",
        "The newest backup is older than it may be, or there is none.",
        "All goes on. What happens from now on would be lost with the disk.",
        (
            "`systemctl status firm-bridge-backup.timer firm-bridge-backup`: whether it was begun, and why it failed.",
            "`firm-bridge backup --config …` makes one now, or says in one sentence what is in the way: a full disk, a"
            " missing `pg_dump`, a database that its user may not read.",
            "`firm-bridge restore FILE --identity KEY --try` on the machine that has the key: whether the new one can"
            " be put back.",
            "`backup.alarm_hours` says from what age on this rings ([Backup](../admin-guide.md#backup)).",
        ),
    ),
)
"""Every alarm. A test holds that each metric in them exists."""


def alerts_yaml() -> str:
    """config/alerts.yaml."""
    head = (
        "# Made by `python -m bridge.docs` from bridge/docs/watching.py. Change that, not this file.\n"
        "# Rules for Prometheus: name this file under rule_files. docs/runbooks/ says what to do about each.\n"
    )
    rules = [_rule(alarm) for alarm in ALARMS]
    body = {"groups": [{"name": "firm-bridge", "rules": rules}]}
    return head + yaml.safe_dump(body, sort_keys=False, width=200)


def _rule(alarm: Alarm) -> dict[str, Any]:
    return {
        "alert": alarm.name,
        "expr": alarm.expr,
        **({"for": alarm.lasting} if alarm.lasting else {}),
        "labels": {"severity": alarm.severity},
        "annotations": {"summary": alarm.summary, "runbook": f"docs/runbooks/{alarm.page}"},
    }


def runbook_parts(alarm: Alarm) -> list[str]:
    """A page of docs/runbooks without its head."""
    when = f"once `{alarm.expr}` has held for {alarm.lasting}" if alarm.lasting else f"when `{alarm.expr}`"
    steps = "\n".join(f"{number}. {step}" for number, step in enumerate(alarm.steps, 1))
    return [alarm.summary, f"Its severity is {alarm.severity}. It rings {when}.", alarm.means, steps]


def dashboard() -> str:
    """config/grafana.json: a panel for each metric, in the order of bridge/metrics.py."""
    families = [
        next(iter(metric.describe()))
        for metric in vars(Metrics(CollectorRegistry())).values()
        if hasattr(metric, "describe")
    ]
    made = {
        "title": "firm-bridge",
        "uid": "firm-bridge",
        "tags": ["matrix"],
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {
            "list": [{"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus"}]
        },
        "panels": [_panel(number, family) for number, family in enumerate(families)],
    }
    return json.dumps(made, indent=2) + "\n"


def _panel(number: int, family: Metric) -> dict[str, Any]:
    title = family.name.removeprefix("firm_bridge_").replace("_", " ").capitalize()
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "description": family.documentation,
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "gridPos": {"x": number % 3 * 8, "y": number // 3 * 8, "w": 8, "h": 8},
        "targets": [{"refId": "A", "expr": expression(family)}],
    }


def expression(family: Metric) -> str:
    """What is drawn of a metric: what a counter gains a second, nine tenths of a histogram, a gauge as it is."""
    if family.type == "counter":
        return f"rate({family.name}_total[5m])"
    if family.type == "histogram":
        return f"histogram_quantile(0.9, sum by (le) (rate({family.name}_bucket[5m])))"
    return family.name
