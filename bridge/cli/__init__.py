"""The command line: what a person types in a shell."""

from bridge.cli.app import main

__all__ = ["main"]
