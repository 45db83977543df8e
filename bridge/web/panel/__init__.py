"""The panel: a person's conversations, files and people in a browser (P1 to P5)."""
