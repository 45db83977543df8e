"""The only code that talks to Synapse."""
