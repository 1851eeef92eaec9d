"""Trainings of sparse autoencoders over HTTP: jobs of the running master, and what they left."""
