"""What those see who look at a run: what it had to do, where its jobs stand, and why one has not ended."""
