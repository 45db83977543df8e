"""How a command is declared, and how what people type is understood."""
