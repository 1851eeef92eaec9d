"""Results over seeds: what was tried, in groups, with intervals, and what is better than what."""
