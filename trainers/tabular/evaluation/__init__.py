"""How good predictions are, and how sure: numpy arrays in, numbers out."""
