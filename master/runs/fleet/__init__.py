"""The workers of a start: how each is reached, how one joins while the run goes on, and how one goes."""
