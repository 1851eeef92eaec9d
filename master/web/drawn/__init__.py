"""What the page draws over time: which slot ran what, the figures of a job; and what is drawn elsewhere."""
