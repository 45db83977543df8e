"""What keeps the firm as it should be while the bridge runs: its stages, its passes, and how well it is."""
