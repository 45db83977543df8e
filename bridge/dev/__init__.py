"""The local firm for developers: Synapse from PyPI, the bridge and the demo firm."""
