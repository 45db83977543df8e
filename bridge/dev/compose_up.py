"""`make compose`: the demo firm in containers, where Docker and its compose are there and new enough.

Needs nothing but Python itself, so that it can say what is missing before anything is installed.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

FILE = Path(__file__).resolve().parents[2] / "synapse-dev" / "docker-compose.yaml"
LEAST = (2, 23, 1)
"""The first Docker Compose that knows `content` in `configs`."""
_MISSING = 6
_WANTED = f"Docker Compose {'.'.join(map(str, LEAST))} or newer"
_REMEDY = "https://docs.docker.com/compose/install/ says how to get it. `make run` does without containers."


def problem() -> str:
    """What is in the way, in a sentence; empty where nothing is."""
    if shutil.which("docker") is None:
        return f"There is no program `docker` here; this needs Docker Engine and {_WANTED}. {_REMEDY}"
    asked = subprocess.run(["docker", "compose", "version", "--short"], capture_output=True, text=True, check=False)
    said = asked.stdout.strip()
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", said)
    if asked.returncode or found is None:
        reason = said or asked.stderr.strip() or f"exit code {asked.returncode}"
        return f"`docker compose version` does not say its version ({reason}); this needs {_WANTED}. {_REMEDY}"
    if tuple(map(int, found.groups())) < LEAST:
        return f"This is Docker Compose {said}, which cannot read {FILE.name}; it needs {_WANTED}. {_REMEDY}"
    return ""


def main() -> NoReturn:
    """Become `docker compose up`, or say what is in the way and end with its exit code."""
    if said := problem():
        sys.stderr.write(said + "\n")
        sys.exit(_MISSING)
    command = ["docker", "compose", "--file", str(FILE), "up", "--build"]
    os.execvp(command[0], command)  # noqa: S606 - the whole purpose


if __name__ == "__main__":
    main()
