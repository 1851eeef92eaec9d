"""Which flags a training script declares, read from its text: the head node need not be able to import it."""
