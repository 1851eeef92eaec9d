"""What is told by commands that look at a worker from outside of any run; no agent needs it."""
