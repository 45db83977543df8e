"""The processes that share a PostgreSQL database: the one that owns it, and those that stand by.

Nobody keeps a list of them. The server knows who is connected, who holds the owner's lock and how long it has been
silent, by one clock; and a process that ends is gone from it. How to reach each is in its connection's name.
"""

from __future__ import annotations

from dataclasses import dataclass

LEASE_SECONDS = 10.0
"""How long an owner may be silent before others may take the database over."""
RENEWALS = 10
"""How often in a lease an owner asks the server something at least, by which it learns that it lost its connection."""
TERM = "owner_term"
"""Under which name the number of the owner's term is kept."""
KEY = "hashtextextended('firm-bridge ' || coalesce(current_schema(), ''), 0)"
"""The advisory lock that the owner of this database and schema holds."""
_HOLDERS = f"""
    SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objsubid = 1
    AND (classid::bigint << 32 | objid::bigint) = {KEY}
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608 - of our own
OWNER = f"""
    SELECT pid, coalesce(host(client_addr), 'the same machine'), backend_start
    FROM pg_stat_activity WHERE pid IN ({_HOLDERS})
"""  # noqa: S608 - of our own
_NAME = "firm-bridge at "
PROCESSES = f"""
    SELECT pid, application_name, pid IN ({_HOLDERS}) AS owns,
    CASE WHEN state = 'active' AND wait_event IS DISTINCT FROM 'ClientWrite' THEN 0
         ELSE extract(epoch FROM clock_timestamp() - state_change)::float END AS silent
    FROM pg_stat_activity WHERE datname = current_database()
    AND (starts_with(application_name, '{_NAME}') OR pid IN ({_HOLDERS}))
"""  # noqa: S608 - of our own
"""Who is at a statement is not silent: the server itself gives up one that takes long."""
_LONGEST_NAME = 63
"""Characters of a connection's name that PostgreSQL keeps."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Where others reach a process; the host is empty for wherever it is connected from."""

    host: str
    port: int
    panel_port: int

    def name(self, address: str) -> str:
        """The name of a connection from this address that says so."""
        name = f"{_NAME}{self.host or address} {self.port} {self.panel_port}"
        # Cut off it would lead elsewhere; the address is always short.
        return name if len(name) <= _LONGEST_NAME else f"{_NAME}{address} {self.port} {self.panel_port}"


@dataclass(frozen=True, slots=True)
class Process:
    """A process that uses the database."""

    reach: Reach | None
    """None for one that nobody can ask anything, such as a command of the shell."""
    owns: bool
    silent: float
    """Seconds since it last asked the server for anything; NaN where the server does not say."""

    def __str__(self) -> str:
        return "a command of the shell" if self.reach is None else f"{self.reach.host}:{self.reach.port}"


def process_of(pid: int, name: str, owns: bool, silent: float | None) -> Process:
    """The process behind a row of PROCESSES."""
    parts = name.removeprefix(_NAME).split(" ")
    reach = Reach(parts[0], int(parts[1]), int(parts[2])) if name.startswith(_NAME) and len(parts) == 3 else None
    return Process(reach, owns, float("nan") if silent is None else silent)
