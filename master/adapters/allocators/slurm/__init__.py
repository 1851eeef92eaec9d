"""Slurm, spoken as text: formats are explicit, and what the user's shell says beside is passed over."""
