"""What the bridge looks after without being asked: empty channels, and the morning digest."""
