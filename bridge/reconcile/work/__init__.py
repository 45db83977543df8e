"""The work on one account or one room: read it, plan, apply. What fails of it keeps nothing else from being done."""
