"""Where the firm's accounts are kept: by Synapse itself, or by the Matrix Authentication Service beside it."""
