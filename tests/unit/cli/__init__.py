"""The commands that people type in a shell: what they print, what they write, and how they end."""
