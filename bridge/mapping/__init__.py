"""Firm things to Matrix ids, names and room shapes. Pure."""
