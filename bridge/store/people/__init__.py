"""What is known of people: walls, leavers, those who return, welcomes and digests."""
