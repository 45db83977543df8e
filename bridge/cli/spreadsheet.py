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
        raise Stop(Exit.USAGE, not_written(path, error)) from error
    return path.open("w", encoding="utf-8", newline="")


def not_written(path: Path, error: OSError) -> str:
    """Why a new file cannot be written, and what to do about it."""
    if not path.absolute().parent.is_dir():
        return f"{path} cannot be written: there is no folder {path.absolute().parent}. Make it, or name another file."
    return f"{path} cannot be written: {error.strerror}. Name a file where you may write."


def harmless(cell: str) -> str:
    """A spreadsheet runs what begins so as a formula; titles and names are typed by people."""
    return f"'{cell}" if cell[:1] in {"=", "+", "-", "@", "\t", "\r"} else cell
