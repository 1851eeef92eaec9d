"""What comes over links only while somebody looks."""
