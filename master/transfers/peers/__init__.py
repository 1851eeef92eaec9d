"""Base models from worker to worker: what the head node tells them for that."""
