"""The systems that the directory is read from, each behind one port (S1)."""
