"""What a client is told from a callback that can only refuse: a refusal in the form that clients show, or an answer.

docs/clients.md has which client shows what of it, and where that comes from.
"""

from __future__ import annotations

from typing import Any

from synapse.module_api.errors import Codes, SynapseError

_SHOWN_FOR_NEW_ROOMS = "M_INVALID_ROOM_STATE"
"""Cinny shows the sentence of a createRoom request that failed for five codes of the specification, this one among
them, and for no other."""


def no_room(sentence: str) -> SynapseError:
    """The refusal of a room that somebody wants, for raising."""
    return SynapseError(403, sentence, _SHOWN_FOR_NEW_ROOMS)


def not_invited(sentence: str) -> SynapseError:
    """The refusal of an invitation, for raising.

    Element shows its own words for each code. For M_FORBIDDEN in a room that is not federated they say that the person
    is on another server, and it tries none of the others who were picked; for this one, that it does not know why.
    """
    return SynapseError(403, sentence, Codes.UNKNOWN)


class Answered(SynapseError):  # type: ignore[misc] # noqa: N818 - Synapse is not in the bridge's environment
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
