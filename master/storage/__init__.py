"""What the head node keeps on disk: paths of a run, journal, base models, checkpoints."""
