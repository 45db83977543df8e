"""How things are put into words: people, places, moments, the record; Markdown."""
