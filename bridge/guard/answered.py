"""Answering a client's request in Synapse's place, from a callback that can only refuse."""

from __future__ import annotations

from typing import Any

from synapse.module_api.errors import SynapseError


class Answered(SynapseError):  # type: ignore[misc] # Synapse is not in the bridge's environment
    """No error: ends Synapse's own answering of a request.

    Synapse lets a module end a request with a SynapseError, whose status and body become the answer. This one's are
    those of a request that succeeded.
    """

    def __init__(self, body: dict[str, Any], why: str) -> None:
        """`why` is for Synapse's log."""
        super().__init__(200, why)
        self._body = body

    def error_dict(self, config: Any) -> dict[str, Any]:
        """The body of the answer."""
        return self._body
