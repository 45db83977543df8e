"""What firm admins ask the bot about the firm, its record and its directory."""
