"""What the user sees of a run: a live view, lines for logs, and tables before and after."""
