"""What a trainer does as a job among others in one process."""
