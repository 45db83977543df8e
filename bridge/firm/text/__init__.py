"""How text is shown: which characters are seen, and which way it is written. Pure."""
