"""Verbs about jobs of a running master."""
