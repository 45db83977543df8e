"""What people try who should not: attempts as data, played on the real Synapse with the guard and without it."""
