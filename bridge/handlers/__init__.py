"""What arrives from Matrix, one file per kind of thing."""
