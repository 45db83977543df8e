"""What the directory was before: what removals of a day add up from, and what a confirmed change replaced (S3)."""
