"""A page about one autoencoder: curves, densities, and a browser of its features.  Without torch."""
