"""The workers of a run: what is known of each."""
