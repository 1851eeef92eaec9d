"""Training members of a network: stacked into one where that pays, one after the other where it does not."""
