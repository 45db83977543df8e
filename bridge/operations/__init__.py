"""What the firm does when somebody asks for it, whoever asks and by whatever way."""
