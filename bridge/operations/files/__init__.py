"""Files: looking at them."""
