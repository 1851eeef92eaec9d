"""How many jobs at a time a GPU gets the most done with, learned from what jobs report.  Pure."""
