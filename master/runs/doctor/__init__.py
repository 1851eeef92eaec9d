"""What is wrong with each worker, and what cures it: a look that changes nothing there."""
