"""Sparse autoencoders beside the usual ways and other packages: speed, quality, presets, two phases."""
