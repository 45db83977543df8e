"""What holds for conversations of every kind: participants, pins, and direct ones."""
