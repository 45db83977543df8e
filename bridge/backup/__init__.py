"""Backups: both databases and what else a new machine needs, in one file that only the holder of a key can read.

Made while the bridge and Synapse run, tried before they are needed, and put back whole or not at all.
"""
