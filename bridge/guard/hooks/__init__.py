"""What the guard hangs on in Synapse: its callbacks, its requests, and addresses of its own."""
