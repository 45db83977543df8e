"""Who comes into the panel by which door, beside the link that the bot gives (P4)."""
