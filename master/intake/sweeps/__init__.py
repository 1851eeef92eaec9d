"""Jobs that nobody wrote one by one: grids, rows, draws, and what is left out of them."""
