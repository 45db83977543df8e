"""Why nobody is signed in by the firm's single sign-on. The messages are for logs and admins; they name no person."""

from __future__ import annotations

from bridge.firm.errors import BridgeError


class ProviderError(BridgeError):
    """The provider does not answer, or is not what the configuration says. The message says what to do."""


class BusyError(BridgeError):
    """So many people come back at the same time that this one is to come again in a moment. Nothing was asked yet."""


class NotProvenError(BridgeError):
    """What came back does not prove who somebody is: forged, for somebody else, over, or used before."""
