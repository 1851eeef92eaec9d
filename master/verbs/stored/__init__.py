"""The verb about what a run directory keeps for later runs."""
