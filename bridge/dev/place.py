"""Where a local firm lives: its folder and its ports, and what can go wrong there."""

from __future__ import annotations

import os
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from bridge.firm.errors import BridgeError

ROOT = Path(__file__).resolve().parents[2]
HOMESERVER_YAML = ROOT / "synapse-dev" / "homeserver.yaml"
LOG_YAML = ROOT / "synapse-dev" / "log.yaml"
SYNAPSE_PYTHON = ROOT / ".venv" / "synapse" / "bin" / "python"
DEMO_SETTINGS = ROOT / "config" / "demo" / "settings.yaml"

_LAST_PORT = 65535

USAGE = 2
"""Exit code: a variable cannot be understood."""
MISSING = 6
"""Exit code: something that is needed is not there."""
IN_USE = 9
"""Exit code: a port, or the folder, is used by another program."""
ENDED = 14
"""Exit code: Synapse or the bridge ended by itself, or did not come up."""


class DevError(BridgeError):
    """Ends `firm-bridge dev` with a message for the person who typed it, and an exit code."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class LocalFirm:
    """One local firm."""

    var: Path
    """Its folder. Everything it writes is in there."""
    synapse_port: int = 8008
    bridge_port: int = 9009
    panel_port: int = 0
    """0 for no panel."""
    host: str = "127.0.0.1"
    """All listen on this address only."""

    @property
    def settings_file(self) -> Path:
        """The bridge's configuration."""
        return self.var / "bridge.yaml"

    @property
    def registration_file(self) -> Path:
        """What tells Synapse about the bridge."""
        return self.var / "registration.yaml"

    @property
    def bridge_database(self) -> Path:
        """The bridge's SQLite database."""
        return self.var / "bridge.db"

    @property
    def synapse_folder(self) -> Path:
        """Synapse's database, media, keys and instance file."""
        return self.var / "synapse"

    @property
    def instance_file(self) -> Path:
        """The second file of Synapse's configuration, with what belongs to this installation."""
        return self.synapse_folder / "instance.yaml"

    @property
    def synapse_database(self) -> Path:
        """Synapse's SQLite database."""
        return self.synapse_folder / "homeserver.db"

    @property
    def logs(self) -> Path:
        """One log file for each program."""
        return self.var / "log"

    @property
    def logins_file(self) -> Path:
        """The demo staff's passwords."""
        return self.var / "demo-logins.json"

    @property
    def synapse_url(self) -> str:
        """Where clients and the bridge reach Synapse."""
        return f"http://{self.host}:{self.synapse_port}"

    @property
    def bridge_url(self) -> str:
        """Where Synapse reaches the bridge."""
        return f"http://{self.host}:{self.bridge_port}"

    @property
    def panel_url(self) -> str:
        """Where staff open the panel; empty for no panel. By this name browsers trust it without encryption."""
        return f"http://localhost:{self.panel_port}" if self.panel_port else ""


def place_from_environment() -> LocalFirm:
    """The place that VAR and the variables for ports name. Raises DevError for a port that is none.

    The panel's is the one behind the bridge's, unless PANEL_PORT says otherwise.
    """
    var = Path(os.environ.get("VAR") or "var").resolve()
    synapse, bridge = port_from_environment("SYNAPSE_PORT", 8008), port_from_environment("BRIDGE_PORT", 9009)
    panel = port_from_environment("PANEL_PORT", bridge + 1 if bridge < _LAST_PORT else bridge - 1)
    named = {"SYNAPSE_PORT": synapse, "BRIDGE_PORT": bridge, "PANEL_PORT": panel}
    for (one, port), (other, taken) in combinations(named.items(), 2):
        if port == taken:
            raise DevError(f"{one} and {other} are both {port}. Choose two different ports.", USAGE)
    return LocalFirm(var, synapse, bridge, panel)


def port_from_environment(variable: str, usual: int) -> int:
    """The port that a variable names, or the usual one. Raises DevError for a value that is no port."""
    value = os.environ.get(variable) or str(usual)
    if not (value.isascii() and value.isdigit() and 1 <= int(value) <= 65535):
        raise DevError(f"{variable} is {value!r}, which is no port. Write a number from 1 to 65535.", USAGE)
    return int(value)
