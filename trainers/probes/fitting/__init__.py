"""How probes are fitted: all at once, one by one, or solved; what they are measured by."""
