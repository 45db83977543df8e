"""Following the directory: its files as they change, what comes of a look at it, and what is shown of it."""
