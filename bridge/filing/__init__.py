"""The filing cabinet: a matter's files are stored where the firm keeps the matter (V3)."""
