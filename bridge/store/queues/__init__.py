"""What came in and what goes out, each once."""
