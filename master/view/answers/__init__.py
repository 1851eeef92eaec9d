"""What is said to a user who asks: why a job has not ended, and what the results are over seeds."""
