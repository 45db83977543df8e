"""Where the documentation and the sample files are that messages name."""

from __future__ import annotations

import sys
from pathlib import Path

_SOURCE = Path(__file__).resolve().parents[2]


def pages_folder() -> Path:
    """The source's own folder where this runs from it, else where the wheel has put them (pyproject.toml)."""
    return _SOURCE if (_SOURCE / "docs").is_dir() else Path(sys.prefix) / "share" / "firm-bridge"
