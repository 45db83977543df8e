"""The transcript of a conversation: from its events to a page and a PDF. Pure."""
