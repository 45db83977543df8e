"""Changes that no test can notice because they change nothing, by file and change, each with the reason."""

from __future__ import annotations

from collections.abc import Mapping

EXPLAINED: Mapping[str, str] = {
    "bridge/directory/sources/asking.py: <= in `self._left < 1`": "With one left it sleeps for no time.",
}
