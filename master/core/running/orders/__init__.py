"""What users want of a run while it goes on: each order in a module of its own, all in one table."""
