"""What the sources of the directory take."""
