"""Decisions, free of I/O: planning before a run, running while it goes."""
