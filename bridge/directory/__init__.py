"""Where the firm comes from: a file today; practice-management systems later."""
