"""What the core's commands do to the world, by resource: each module is one, and has its ports given."""
