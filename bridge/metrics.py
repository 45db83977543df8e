"""Every metric of the bridge, in one place: docs/metrics.md is made from here."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class Metrics:
    """The metrics, in a registry that is given, so that two sets of them in one process do not meet."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.tokens_refused = Counter(
            "firm_bridge_tokens_refused",
            "Requests to the application-service endpoints with a wrong token or none.",
            registry=registry,
        )
        self.transactions = Counter(
            "firm_bridge_transactions",
            "Transactions from the homeserver, by outcome: accepted, refused (wrong shape), or busy (not taken because"
            " too many events waited or the database failed; the homeserver sends it again).",
            ["outcome"],
            registry=registry,
        )
        self.events_received = Counter(
            "firm_bridge_events_received", "Events in accepted transactions, of every kind.", registry=registry
        )
        self.events_stored = Counter(
            "firm_bridge_events_stored", "Events stored because they need handling.", registry=registry
        )
        self.events_duplicate = Counter(
            "firm_bridge_events_duplicate", "Events that were delivered again and left out.", registry=registry
        )
        self.events_late = Counter(
            "firm_bridge_events_late",
            "Events left out because they are older than the bridge remembers.",
            registry=registry,
        )
        self.events_handled = Counter("firm_bridge_events_handled", "Events handled.", registry=registry)
        self.events_failed = Counter(
            "firm_bridge_events_failed", "Attempts at handling an event that failed.", registry=registry
        )
        self.events_dead = Counter(
            "firm_bridge_events_dead", "Events that became dead letters after the last attempt.", registry=registry
        )
        self.event_seconds = Histogram(
            "firm_bridge_event_seconds", "Seconds from an event's arrival until it was handled.", registry=registry
        )
        self.inbox_waiting = Gauge(
            "firm_bridge_inbox_waiting", "Events that wait to be handled or are being handled.", registry=registry
        )
        self.messages_sent = Counter(
            "firm_bridge_messages_sent", "Messages that the homeserver took.", registry=registry
        )
        self.messages_failed = Counter(
            "firm_bridge_messages_failed", "Attempts at sending a message that failed.", registry=registry
        )
        self.messages_dead = Counter(
            "firm_bridge_messages_dead", "Messages that became dead letters after the last attempt.", registry=registry
        )
        self.outbox_waiting = Gauge(
            "firm_bridge_outbox_waiting", "Messages that wait to be sent or are being sent.", registry=registry
        )
        self.webhooks_delivered = Counter(
            "firm_bridge_webhooks_delivered", "Events that a webhook's receiver took.", registry=registry
        )
        self.webhooks_failed = Counter(
            "firm_bridge_webhooks_failed", "Attempts at telling a webhook's receiver that failed.", registry=registry
        )
        self.webhooks_waiting = Gauge(
            "firm_bridge_webhooks_waiting", "Events that wait to be told to a webhook's receiver.", registry=registry
        )
        self.webhooks_parked = Gauge(
            "firm_bridge_webhooks_parked",
            "Events that were put aside, because a webhook's receiver did not take them in three days.",
            registry=registry,
        )
        self.not_reconciled = Gauge(
            "firm_bridge_not_reconciled",
            "Accounts and rooms that could not be made as they should be; the log says why. They are tried again by"
            " themselves, later and later, at least each hour.",
            registry=registry,
        )
        self.directory_problems = Gauge(
            "firm_bridge_directory_problems",
            "Problems for which the directory's files cannot be used; the firm stays as it was meanwhile.",
            registry=registry,
        )
        self.directory_held = Gauge(
            "firm_bridge_directory_held",
            "1 while a change of the directory waits for a firm admin. If it takes away too much or was taken back,"
            " nothing of the directory is taken over until it is confirmed; if it only lets in too many people,"
            " everything else was taken over at once.",
            registry=registry,
        )
        self.source_age = Gauge(
            "firm_bridge_source_age_seconds",
            "Seconds since a source of the directory was last read well, by source; -1 where it never was.",
            ["source"],
            registry=registry,
        )
        self.source_reads = Counter(
            "firm_bridge_source_reads",
            "Readings of a source of the directory, by source and outcome: changed, unchanged or failed.",
            ["source", "outcome"],
            registry=registry,
        )
        self.source_flaws = Gauge(
            "firm_bridge_source_flaws",
            "Records of a source of the directory that cannot be read and stay as they were read last, by source.",
            ["source"],
            registry=registry,
        )
        self.scim_push_age = Gauge(
            "firm_bridge_scim_push_age_seconds",
            "Seconds since something was last pushed by SCIM; -1 where nothing was, or where it is no source.",
            registry=registry,
        )
        self.scim_push_age.set(-1)
        self.scim_refused = Counter(
            "firm_bridge_scim_refused",
            "Requests to the SCIM server that were refused, by why: no_token, scope, for_admins, too_many_requests,"
            " not_understood, not_there, taken (a name or address that is somebody else's), changed_meanwhile, not_now"
            " (before the bridge has begun, or while its database does not answer) or failed.",
            ["why"],
            registry=registry,
        )
        self.scim_held = Gauge(
            "firm_bridge_scim_held",
            "People who have left as SCIM has it, whose leaving waits for a firm admin because many leave at once.",
            registry=registry,
        )
        self.webhooks_received = Counter(
            "firm_bridge_source_webhooks",
            "Webhooks from a source of the directory, by source and outcome: taken, or refused (forged, or too old).",
            ["source", "outcome"],
            registry=registry,
        )
        self.source_notes = Counter(
            "firm_bridge_source_notes",
            "Notes about mentions for a source of the directory, by source and outcome: shown, unneeded (it was read,"
            " or is not for that person any more) or failed.",
            ["source", "outcome"],
            registry=registry,
        )
        self.drift_found = Counter(
            "firm_bridge_drift_found",
            "Differences found that somebody made behind the bridge's back, by kind.",
            ["kind"],
            registry=registry,
        )
        self.drift_rooms = Counter("firm_bridge_drift_rooms", "Rooms looked at by the full check.", registry=registry)
        self.drift_failed = Counter(
            "firm_bridge_drift_rooms_failed", "Rooms that the full check could not put right.", registry=registry
        )
        self.drift_finished = Gauge(
            "firm_bridge_drift_finished_timestamp_seconds",
            "When the last full check was finished, in seconds since the epoch; 0 for none yet.",
            registry=registry,
        )
        self.drift_seconds = Gauge(
            "firm_bridge_drift_check_seconds",
            "Seconds that the last full check took, interruptions included.",
            registry=registry,
        )
        self.filing_filed = Counter("firm_bridge_filing_filed", "Files stored in the cabinet.", registry=registry)
        self.filing_bytes = Counter(
            "firm_bridge_filing_bytes", "Bytes of the files stored in the cabinet.", registry=registry
        )
        self.filing_failures = Counter(
            "firm_bridge_filing_failures",
            "Attempts to file a file that failed, by what is at fault: cabinet, homeserver, bridge, or the file"
            " itself, which is then not tried again.",
            ["fault"],
            registry=registry,
        )
        self.filing_waiting = Gauge(
            "firm_bridge_filing_waiting", "Files that wait to be stored in the cabinet.", registry=registry
        )
        self.refusals_taken = Counter(
            "firm_bridge_refusals_taken",
            "Refused attempts that the audit log took over from the guard, by rule.",
            ["rule"],
            registry=registry,
        )
        self.refusals_oldest = Gauge(
            "firm_bridge_refusals_oldest_seconds",
            "Age of the oldest refusal that waited with the guard when it was last asked; 0 for none.",
            registry=registry,
        )
        self.backup_age = Gauge(
            "firm_bridge_backup_age_seconds",
            "Seconds since the newest backup in backup.folder was begun; -1 for none.",
            registry=registry,
        )
        self.backup_late = Gauge(
            "firm_bridge_backup_late",
            "1 where the newest backup is older than backup.alarm_hours, or there is none; 0 where nothing is set.",
            registry=registry,
        )
        self.guard_processes = Gauge(
            "firm_bridge_guard_processes",
            "Workers of Synapse by whether the guard there answers: here, silent, or absent (never there).",
            ["standing"],
            registry=registry,
        )
        self.at_work = Gauge(
            "firm_bridge_at_work",
            "1 for the process that works with the database, 0 for one that stands by to take its place.",
            registry=registry,
        )
        self.standing_by = Gauge(
            "firm_bridge_standing_by",
            "Processes that stand by, as the one at work sees them (PostgreSQL).",
            registry=registry,
        )
        self.api_requests = Counter(
            "firm_bridge_api_requests",
            "Answers of the API, by route (empty where there is none) and status.",
            ["route", "status"],
            registry=registry,
        )
        self.homeserver_requests = Histogram(
            "firm_bridge_homeserver_request_seconds",
            "Seconds that a request to the homeserver took, by method, route and status (0 where no answer came).",
            ["method", "route", "status"],
            registry=registry,
        )
        self._request_series: dict[tuple[str, str, int], Histogram] = {}

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count a request to the homeserver."""
        key = method, route, status
        series = self._request_series.get(key)
        if series is None:
            series = self._request_series[key] = self.homeserver_requests.labels(method, route, str(status))
        series.observe(seconds)


def count_reading(metrics: Metrics, source: str, outcome: str) -> None:
    """Count a reading of a source of the directory."""
    metrics.source_reads.labels(source, outcome).inc()
