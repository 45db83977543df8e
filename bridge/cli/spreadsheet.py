"""Files that commands write for people and their spreadsheets."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from bridge.cli.exits import Exit, Stop


def new_file(path: Path) -> TextIO:
    """A new file, which only its owner can read. Raises Stop where it cannot be made; never over another file."""
    try:
        path.touch(0o600, exist_ok=False)
    except FileExistsError as error:
        raise Stop(Exit.EXISTS, f"{path} is there already. Name another file.") from error
    except OSError as error:
        raise Stop(Exit.USAGE, f"{path} cannot be written: {error.strerror}.") from error
    return path.open("w", encoding="utf-8", newline="")


def harmless(cell: str) -> str:
    """A spreadsheet runs what begins so as a formula; titles and names are typed by people."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
