"""How a running master is asked: HTTP over a socket in the run's private state, for the user alone."""
