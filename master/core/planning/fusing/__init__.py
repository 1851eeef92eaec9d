"""Which jobs train at once."""
