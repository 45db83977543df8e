"""Files that were sent: listed, filed, handed out, removed."""
