"""The parts of the port to the homeserver, each as spoken to a real Synapse."""
