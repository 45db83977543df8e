"""Files: listing them, and where they are filed."""
