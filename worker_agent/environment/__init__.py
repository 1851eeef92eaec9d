"""What jobs find here: the environment that the user's `setup` makes, and what is missing in it."""
