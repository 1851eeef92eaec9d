"""What the master, the agent and the training scripts must agree on, and nothing else."""
