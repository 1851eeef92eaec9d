"""What verbs have in common: their words, the run that they are asked about, its jobs, and lines for them."""
