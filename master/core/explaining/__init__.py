"""Why a job has not ended yet: one cause for each, from the state alone."""
