"""What a training script takes, and how a job's fields become it."""
