"""The panel beside the messages, in a client that shows widgets (P4)."""
