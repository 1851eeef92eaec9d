"""The workers of a run: what is known of each, what users have decided about it, and how it goes."""
