"""Training: one loop for the models of one job or of many, which learn as one stacked model."""
