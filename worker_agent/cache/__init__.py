"""Artefacts on this worker: verified, shared by runs, and removed when they take too much room."""
