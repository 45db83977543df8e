"""What goes wrong in listening, apart from all that listens: the CLI has an exit code for it."""

from __future__ import annotations

from bridge.firm.errors import BridgeError


class ListenError(BridgeError):
    """The bridge cannot listen where its configuration says."""
