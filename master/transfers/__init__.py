"""Outcomes on their way home, and artefacts on their way to workers."""
