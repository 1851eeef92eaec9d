"""Programs that the master sends to a worker's Python: text, since nothing of ours is there yet."""
