"""How long the work on the firm waits for what may never answer."""

PATIENCE = 30.0
"""Seconds for which one request is repeated: what fails is tried again by itself, and must not hold up the rest."""
MOMENT = 3.0
"""Seconds for which what takes access away waits for the guard, or for what takes more away."""
GUARD = 10.0
"""Seconds for which what gives access waits for the guard, and a start, of which it may know what this database has
forgotten."""
