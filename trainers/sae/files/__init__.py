"""Autoencoders as files: those that this trainer writes, and those of other packages, in both directions."""
