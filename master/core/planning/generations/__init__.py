"""Base models that start from others."""
