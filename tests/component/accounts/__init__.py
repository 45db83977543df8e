"""Accounts, wherever they are kept."""
