"""Pages made from the code: `python -m bridge.docs` writes them, and with --check fails where they differ.

A setting, command, option, metric, endpoint or rule is explained where it is declared, and nowhere else.
"""
