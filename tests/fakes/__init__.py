"""Stand-ins for what the bridge talks to."""
