"""Ways to run an attempt, all behind one protocol."""
