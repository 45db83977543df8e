"""What is written down of what passes by, without keeping what was said."""
