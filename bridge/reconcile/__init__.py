"""What should be less what is: the plan; and its application, the only way rooms and members change."""
