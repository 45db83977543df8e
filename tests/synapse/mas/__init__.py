"""Synapse that leaves its accounts to the Matrix Authentication Service."""
