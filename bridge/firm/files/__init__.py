"""What a file is by its bytes, its name, and the message that carries it. Pure."""
