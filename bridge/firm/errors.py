"""The base of every exception of the firm's own."""

from __future__ import annotations


class BridgeError(Exception):
    """Something of the bridge or its guard ended otherwise than asked for. Its message may be read by whoever looks
    after the bridge: it never quotes what people wrote."""
