"""What is kept for proof: the audit log, drift, refusals; and what survives a restart."""
