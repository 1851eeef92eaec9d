"""What a jobs file says of jobs that are stopped early, as they do worse than others."""
