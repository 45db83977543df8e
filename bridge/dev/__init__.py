"""The local firm for trying and developing: `firm-bridge dev`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the local firm and return the exit code."""
    from rich.console import Console

    from bridge.cli.exits import exit_for
    from bridge.dev.place import DevError, place_from_environment
    from bridge.dev.run import run_dev

    # A table in a pipe or a log file needs more than the 80 columns that are assumed there.
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 120)
    try:
        run_dev(place_from_environment(), console)
    except DevError as error:
        Console(stderr=True, highlight=False, markup=False).print(str(error), soft_wrap=True)
        return error.code
    except Exception as error:
        code = exit_for(error)
        if code is None:
            raise
        Console(stderr=True, highlight=False, markup=False).print(str(error), soft_wrap=True)
        return code
    return 0
