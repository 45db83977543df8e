"""What should be, what is to be done about what is, and the parts it is done in. Pure but for its reading."""
