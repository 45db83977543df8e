"""What staff and admins type to the bot."""
