"""What the page draws over time: which slot ran what, and the figures of a job."""
