"""What firm admins do about ethical walls, and what those they screen hear of them (M3)."""
