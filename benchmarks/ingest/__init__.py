"""How fast events are taken in and commands answered, beside a bare service."""
