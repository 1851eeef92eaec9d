"""Verbs about the machines themselves."""
