"""A Matrix Authentication Service for tests, held to its public description."""
