"""Jobs that users add to a running master with programs of their own."""
